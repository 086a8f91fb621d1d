import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Machine, textBelow } from './machine.ts'

/**
 * The process that holds the lock of a data directory, as the kernel knows it; taking the lock to
 * find out could keep an agent from starting. Undefined when nobody does, or it cannot be seen.
 *
 *     1: POSIX  ADVISORY  WRITE 4242 08:01:1048577 1073741824 1073742335
 */
export async function lockHolder(machine: Machine, dataDir: string): Promise<number | undefined> {
  const lock = await stat(join(dataDir, 'lock')).catch(() => undefined)
  if (!lock) return undefined
  const holders = (await textBelow(machine, 'proc/locks')).split('\n').flatMap((line) => {
    const [, kind, , mode, pid, file = ''] = line.trim().split(/\s+/)
    const isIt = kind === 'POSIX' && mode === 'WRITE' && file.endsWith(`:${lock.ino}`)
    return isIt ? [Number(pid)] : []
  })
  return holders.find((pid) => pid > 0)
}
