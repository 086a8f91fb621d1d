import { connect } from 'node:net'
import { once } from 'node:events'
import { z } from 'zod'
import { many } from '../../shared/quantities.ts'
import type { SourceConfig } from '../source-config.ts'
import { Glob } from '../sources/tail/glob.ts'
import type { AgentUser } from './agent-user.ts'
import { fail, type Finding, ok, reasonOf, warn } from './finding.ts'
import type { Machine } from './machine.ts'
import { obstacle } from './may-read.ts'

export interface InputQuestion {
  readonly source: SourceConfig
  readonly user: AgentUser
  readonly machine: Machine
}

/** Files of one source that are looked at, and closed ones that are told. */
const mostFiles = 1000
const mostTold = 5

/** What of the options of a source says where it reads. */
const places = z.object({
  tail: z.union([z.string(), z.array(z.string())]).optional(),
  exclude: z.array(z.string()).optional(),
  serial: z.string().optional(),
  gps: z.record(z.string(), z.unknown()).optional(),
  directory: z.string().optional()
})

/** Whether a source can read what it is to read. What is only listened on is not looked at. */
export async function checkInputs(
  { source, user, machine }: InputQuestion,
  signal: AbortSignal
): Promise<readonly Finding[]> {
  const where = places.safeParse(source.options).data ?? {}
  const look = { user, machine }
  const { tail, serial, gps } = where
  if (tail !== undefined) return tailFindings([tail].flat(), where.exclude ?? [], look)
  if (serial !== undefined) return deviceFindings(serial, look)
  if (gps?.['kind'] === 'serial' || gps?.['kind'] === 'file') {
    return deviceFindings(String(gps['path']), look)
  }
  if (gps) return serverFindings(gps['server'], signal)
  if (source.kind === 'journald') return journalFindings(machine, where.directory)
  return []
}

interface Look {
  readonly user: AgentUser
  readonly machine: Machine
}

async function tailFindings(
  patterns: readonly string[],
  exclude: readonly string[],
  { user, machine }: Look
): Promise<Finding[]> {
  const closed: Finding[] = []
  const paths = new Set<string>()
  const left = exclude.map(
    (pattern) => new Glob(pattern.includes('/') ? pattern : `/**/${pattern}`)
  )
  for (const pattern of patterns) {
    const unreadable = (path: string, error: unknown) =>
      void closed.push(fail(`${path}: ${reasonOf(error)}`, 'run this with sudo to see more'))
    for (const path of await new Glob(pattern).expand(mostFiles, unreadable)) {
      if (!left.some((glob) => glob.matches(path))) paths.add(path)
    }
  }
  for (const path of paths) {
    const found = await obstacle(path, user, machine)
    if (found === 'absent') paths.delete(path)
    else if (found) closed.push(found)
  }
  if (closed.length > mostTold) {
    const more = `${many(closed.length - mostTold, 'more file')} cannot be read`
    return [...closed.slice(0, mostTold), fail(more, 'as above')]
  }
  if (closed.length > 0) return closed
  if (paths.size > 0) return [ok(`${many(paths.size, 'file')} can be read by ${user.name}`)]
  const what = `no file matches ${patterns.join(', ')} yet`
  return [warn(what, 'see the pattern; files that come later are found')]
}

async function deviceFindings(path: string, { user, machine }: Look): Promise<Finding[]> {
  const found = await obstacle(path, user, machine)
  if (!found) return [ok(`${path} can be read by ${user.name}`)]
  if (found !== 'absent') return [found]
  return [warn(`${path} is not there`, 'plug it in, or see ls /dev/serial/by-id')]
}

const serverPlace = z.object({ host: z.string(), port: z.number() })

async function serverFindings(place: unknown, signal: AbortSignal): Promise<Finding[]> {
  const { host, port } = serverPlace.parse(place)
  const socket = connect({ host, port, signal, timeout: 3000 })
  socket.on('timeout', () => socket.destroy(new Error('no answer')))
  try {
    await once(socket, 'connect')
    return [ok(`${host}:${port} answers`)]
  } catch (error) {
    const what = `nothing answers at ${host}:${port} (${reasonOf(error)})`
    return [fail(what, 'see that the receiver is on; for gpsd: systemctl status gpsd.socket')]
  } finally {
    socket.destroy()
  }
}

async function journalFindings(
  { ask }: Machine,
  directory: string | undefined
): Promise<Finding[]> {
  const from = directory === undefined ? [] : [`--directory=${directory}`]
  try {
    const entry = await ask('journalctl', ['--lines=1', '--output=json', '--quiet', ...from])
    if (entry.trim() !== '') return [ok('the journal can be read')]
    const todo = 'put the user of the agent into the group systemd-journal'
    return [warn('the journal is empty, or may not be read', todo)]
  } catch (error) {
    return [fail(`journalctl: ${reasonOf(error)}`, 'it must be in PATH and work')]
  }
}
