import { join } from 'node:path'
import { textBelow, type Machine } from './machine.ts'

/** Who reads the inputs. */
export interface AgentUser {
  /** Of the running agent, or of this process where none runs. */
  readonly name: string
  readonly uid: number
  readonly gids: readonly number[]
  /** May read whatever its mode says, as root does. */
  readonly readsAll: boolean
}

/** CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7). */
const readingCapabilities = 0b110n

/** The user of a process, as proc(5) has it. */
export async function userOf(machine: Machine, process: number | 'self'): Promise<AgentUser> {
  const status = await textBelow(machine, join('proc', String(process), 'status'))
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
  // Real, effective, saved, for file systems.
  const uid = Number(field('Uid').split(/\s+/)[3] ?? -1)
  const gid = Number(field('Gid').split(/\s+/)[3] ?? -1)
  const groups = field('Groups')
    .split(/\s+/)
    .filter((one) => one !== '')
  const capabilities = BigInt(`0x${field('CapEff') || '0'}`)
  return {
    name: await nameOf(machine, 'etc/passwd', uid),
    uid,
    gids: [gid, ...groups.map(Number)],
    readsAll: (capabilities & readingCapabilities) !== 0n
  }
}

/** The name that stands before a number in `etc/passwd` or `etc/group`; else the number. */
export async function nameOf(machine: Machine, file: string, id: number): Promise<string> {
  const line = (await textBelow(machine, file))
    .split('\n')
    .find((one) => one.split(':')[2] === String(id))
  return line?.split(':')[0] ?? String(id)
}
