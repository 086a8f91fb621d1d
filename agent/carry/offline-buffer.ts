import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import { SqliteBuffer } from '../buffer/sqlite-buffer.ts'
import type { DeviceTime } from '../clock/device-time.ts'

export interface OfflineBufferOptions {
  readonly directory: string
  readonly device: string
  readonly time: DeviceTime
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What is appended here is a few dead letters; frames of the usual size. */
const sizes = {
  frameBytes: 256 * 1024,
  segmentBytes: 16 * 1024 ** 2,
  pageSize: 4096,
  ringBytes: 0,
  ringRecords: 0,
  commitAgeMs: 1000,
  compression: 'none'
} as const

/**
 * The buffer of an agent that is stopped, for a command. Nothing is ever dropped to make room: what
 * is appended waits for it instead, and no dead letter gives way.
 */
export function offlineBuffer(options: OfflineBufferOptions): SqliteBuffer {
  return new SqliteBuffer({
    ...options,
    ...sizes,
    overflow: () => 'block',
    capBytes: Number.MAX_SAFE_INTEGER,
    freeDiskFloorBytes: 0,
    deadLetterBytes: Number.MAX_SAFE_INTEGER
  })
}
