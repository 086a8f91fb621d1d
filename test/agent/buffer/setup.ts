import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { SqliteBuffer, type SqliteBufferOptions } from '../../../agent/buffer/sqlite-buffer.ts'
import { timeOn } from '../../support/manual-boot.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'

export const never = new AbortController().signal

export function bufferOptions(
  directory: string,
  options: Partial<SqliteBufferOptions> = {}
): SqliteBufferOptions {
  const { clock = new ManualClock() } = options
  return {
    directory,
    device: 'device-1',
    overflow: () => 'drop-oldest',
    frameBytes: 64 * 1024,
    segmentBytes: 1024 * 1024,
    capBytes: 64 * 1024 * 1024,
    freeDiskFloorBytes: 0,
    commitAgeMs: 1000,
    pageSize: 1024,
    compression: 'none',
    ringBytes: 100_000,
    ringRecords: 1000,
    deadLetterBytes: 100_000,
    clock,
    time: timeOn(clock),
    random: new SeededRandom(),
    log: pino({ level: 'silent' }),
    ...options
  }
}

/** Moves time on until `what` holds, in steps with real time between them for what the disk does. */
export async function passUntil(clock: ManualClock, stepMs: number, what: () => boolean) {
  const end = Date.now() + 30_000
  while (!what()) {
    if (Date.now() > end) throw new Error(`not within 30 s: ${String(what)}`)
    await clock.advance(stepMs)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Moves time on until what was released is on disk, in a buffer that has nothing else to do. */
export async function progressSaved(clock: ManualClock): Promise<void> {
  await clock.asleep(1)
  await clock.advance(1000)
  await clock.asleep(1)
}

/** A directory, and buffers that are started on it and stopped after the test. */
export async function storage(t: TestContext, defaults: Partial<SqliteBufferOptions> = {}) {
  const directory = await tempDir(t)
  const create = (options: Partial<SqliteBufferOptions> = {}) =>
    new SqliteBuffer(bufferOptions(directory, { ...defaults, ...options }))
  const start = async (options: Partial<SqliteBufferOptions> = {}) => {
    const buffer = create(options)
    t.after(() => buffer.stop(AbortSignal.abort()))
    await buffer.start(never)
    return buffer
  }
  return { directory, create, start }
}
