import type { Clock } from '../../../shared/clock.ts'
import { freeBytesOf } from '../../../shared/free-bytes.ts'
import type { Log } from '../../../shared/log.ts'
import type { Catalog } from './catalog.ts'
import { EngineClock } from './engine-clock.ts'
import { FreeDisk } from './free-disk.ts'
import type { StreamEvents } from './stream-events.ts'

export interface EmbeddedEngineOptions {
  /** Holds `engine.db`, `lock.db` and `streams/`. Made when it does not exist. */
  readonly directory: string
  /** Data after which a segment file ends. Default 256 MiB. */
  readonly segmentBytes?: number
  /** Retention of streams that are created without one. Default 24 h of running time. */
  readonly retentionMs?: number
  /** Free disk below which puts are refused. Default 256 MiB. */
  readonly freeDiskFloorBytes?: number
  /** Marks kept for each stream, a row a source and shard; as `MarkTable` counts. Default 200,000. */
  readonly maxMarks?: number
  /** Lowest sequence index of a stream that must be kept, however old; default: none must. */
  readonly heldFrom?: (stream: string) => number
  readonly clock: Clock
  readonly log: Log
  /** Bytes that may still be written; default: what the file system says. */
  readonly freeBytes?: (directory: string) => Promise<number>
}

/** What the streams of one engine share. */
export interface StoreContext {
  readonly catalog: Catalog
  readonly clock: Clock
  readonly age: EngineClock
  readonly disk: FreeDisk
  readonly log: Log
  readonly maxMarks: number
  readonly heldFrom: (stream: string) => number
  /** A segment ends at this size, or when its oldest block has this age. */
  readonly segmentBytes: number
  readonly segmentAgeMs: (retentionMs: number) => number
  readonly events: StreamEvents
}

const hourMs = 3_600_000
const mebibyte = 1024 * 1024

export async function createContext(
  options: EmbeddedEngineOptions,
  catalog: Catalog,
  events: StreamEvents
): Promise<StoreContext> {
  const { directory, clock, log, freeBytes = freeBytesOf } = options
  const age = new EngineClock(clock)
  age.raise(await catalog.number('ageMs'))
  const floorBytes = options.freeDiskFloorBytes ?? 256 * mebibyte
  return {
    catalog,
    clock,
    age,
    disk: new FreeDisk(clock, floorBytes, () => freeBytes(directory)),
    log,
    maxMarks: options.maxMarks ?? 200_000,
    heldFrom: options.heldFrom ?? (() => Number.POSITIVE_INFINITY),
    segmentBytes: options.segmentBytes ?? 256 * mebibyte,
    segmentAgeMs: (retentionMs) => Math.min(Math.max(retentionMs / 24, hourMs), 24 * hourMs),
    events
  }
}
