import { copyFile, mkdir, open, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { rechainWal, scanWal } from '../../../shared/wal-scan.ts'
import { syncDirectory } from './segment-files.ts'

/**
 * Looks at the log (`-wal`) of a segment before SQLite does, which ends a damaged one at the first
 * break without a word, and with it all commits behind the break. True when it was damaged: a copy is
 * set aside, and the log is chained anew, so that SQLite reads it to its end. Some page in it is
 * wrong then, so the segment is to be salvaged: block by block, each proven by its own checksum.
 */
export async function repairLog(path: string): Promise<boolean> {
  const log = `${path}-wal`
  const wal = await readFile(log).catch(() => undefined)
  if (!wal || scanWal(wal).state === 'sound') return false
  const quarantine = join(dirname(path), 'quarantine')
  await mkdir(quarantine, { recursive: true })
  await copyFile(log, join(quarantine, `${basename(log)}.damaged`))
  const chained = rechainWal(wal)
  if (chained) await replace(log, chained)
  // The index that SQLite keeps of the log ends at the break, too.
  await rm(`${path}-shm`, { force: true })
  await syncDirectory(dirname(path))
  return true
}

async function replace(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.write(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}
