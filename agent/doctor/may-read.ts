import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type AgentUser, nameOf } from './agent-user.ts'
import { fail, type Finding, reasonOf } from './finding.ts'
import type { Machine } from './machine.ts'

/** Bits of a mode, for others; those of the group are 3 higher, of the owner 6. */
const read = 0o4
const search = 0o1

/**
 * Why `user` may not read the file at `path`, absolute: it is not there, or it or the first
 * directory above it is closed. Undefined when it may, as far as owner, group and mode say.
 */
export async function obstacle(
  path: string,
  user: AgentUser,
  machine: Machine
): Promise<Finding | 'absent' | undefined> {
  for (const step of [...above(path), path]) {
    const found = await stat(step).catch((error: unknown) => error)
    if (!isStats(found)) {
      const reason = reasonOf(found)
      return reason === 'ENOENT' ? 'absent' : fail(`${step}: ${reason}`, 'run this with sudo')
    }
    const wanted = step === path ? read : search
    if (!user.readsAll && !allows(found, user, wanted))
      return closed(step, found, { user, machine })
  }
  return undefined
}

function above(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [] : [...above(parent), parent]
}

function allows({ mode, uid, gid }: Stats, user: AgentUser, wanted: number): boolean {
  if (uid === user.uid) return ((mode >> 6) & wanted) !== 0
  if (user.gids.includes(gid)) return ((mode >> 3) & wanted) !== 0
  return (mode & wanted) !== 0
}

async function closed(
  path: string,
  { mode, uid, gid }: Stats,
  { user, machine }: { readonly user: AgentUser; readonly machine: Machine }
): Promise<Finding> {
  const owner = await nameOf(machine, 'etc/passwd', uid)
  const group = await nameOf(machine, 'etc/group', gid)
  const octal = (mode & 0o7777).toString(8).padStart(4, '0')
  const what = `${path} (${owner}:${group} ${octal}) is closed to ${user.name}`
  const groupMay = ((mode >> 3) & 0o5) !== 0 && gid !== 0
  return fail(
    what,
    groupMay
      ? `put ${user.name} into the group ${group}: usermod -aG ${group} ${user.name}, or SupplementaryGroups=${group} of the service`
      : `let it be read: setfacl -m u:${user.name}:rX ${path}`
  )
}

function isStats(value: unknown): value is Stats {
  return typeof value === 'object' && value !== null && 'mode' in value
}
