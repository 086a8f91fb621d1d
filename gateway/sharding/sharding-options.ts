import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { StreamEngine } from '../engines/engine.ts'
import type { OnDeadLetter } from './dead-letter.ts'
import type { Aggregation } from './packing.ts'

export interface ShardingOptions {
  readonly engine: StreamEngine
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** How long a lane waits for more at low load; absent: as the engine says. Milliseconds. */
  readonly lingerMs?: number
  /** Bytes that one lane may hold; over it, `take` throws `throttled`. */
  readonly laneShareBytes: number
  /** Bytes that all lanes together may hold; over it, `take` throws `unavailable`. */
  readonly maxBytes: number
  /** An aggregate is closed before it is larger, within the stream's own limit. */
  readonly maxAggregateBytes: number
  /** Sources of one stream whose marks are remembered; the one not used longest goes first. */
  readonly maxSources: number
  readonly aggregation: (stream: string) => Aggregation
  /** Takes the records that the engine refuses for good. */
  readonly onDeadLetter: OnDeadLetter
}
