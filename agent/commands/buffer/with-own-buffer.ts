import { lchown, readdir, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../shared/clock.ts'
import type { Terminal } from '../../../shared/command-line.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { systemRandom } from '../../../shared/random.ts'
import type { SqliteBuffer } from '../../buffer/sqlite-buffer.ts'
import { offlineBuffer } from '../../carry/offline-buffer.ts'
import type { DeviceTime } from '../../clock/device-time.ts'
import type { PlaceFlags } from '../agent-place.ts'
import { plainLog } from './plain-log.ts'
import { withView } from './with-view.ts'

export interface OwnBufferOptions {
  readonly flags: PlaceFlags
  readonly terminal: Terminal
  /** Whose records are read; what is appended needs none. */
  readonly device?: string
  readonly time: DeviceTime
}

/**
 * Has the buffer of an agent that is stopped for itself until `work` is done. Rejects with
 * `not_found` when there is none, with `store_locked` while the agent runs, and with `store_full`
 * when nothing can be written to it: what `work` changed would be forgotten.
 */
export async function withOwnBuffer<T>(
  { flags, terminal, device = 'none', time }: OwnBufferOptions,
  work: (buffer: SqliteBuffer) => Promise<T>
): Promise<T> {
  // Opening it for itself would make one where there is none.
  const directory = await withView(flags, terminal, (_, path) => Promise.resolve(path))
  const log = plainLog((text) => terminal.print(text))
  const system = { clock: systemClock, random: systemRandom, time, log }
  const buffer = offlineBuffer({ directory, device, ...system })
  try {
    await buffer.start(new AbortController().signal).catch(agentRuns)
    if (buffer.readOnly) throw unwritable(directory)
    return await work(buffer)
  } finally {
    await buffer.stop(AbortSignal.abort())
    await giveBack(directory)
  }
}

function agentRuns(cause: unknown): never {
  if (!(cause instanceof HeadwaterError) || cause.code !== 'store_locked') throw cause
  const message =
    'the agent runs and has its buffer for itself; stop it first, start it again after'
  throw new HeadwaterError('store_locked', message, { cause })
}

function unwritable(directory: string): HeadwaterError {
  const message = `${directory} cannot be written, so nothing was changed: its disk is full or broken, or this user may not`
  return new HeadwaterError('store_full', message)
}

/** What root has made here belongs to the user of the agent, who could not write to it otherwise. Links are not followed: they may lead to files of others. */
async function giveBack(directory: string): Promise<void> {
  const { uid, gid } = await stat(directory)
  if (userInfo().uid !== 0 || uid === 0) return
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), uid, gid).catch(unlessGone)
  }
}

/** An agent that was started meanwhile takes files away. */
function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
