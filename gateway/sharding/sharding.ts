import type { Component } from '../../shared/component.ts'
import type { SequenceSource } from '../../shared/kpl/kpl.ts'
import type { RecordColumns } from '../../shared/record.ts'
import type { ClockState } from '../../shared/wire/batch.ts'
import type { ShardId } from '../engines/engine.ts'

/** Records that admission has taken; nothing about them is checked again. */
export interface AdmittedBatch {
  readonly stream: string
  readonly records: RecordColumns
  /** Which records to store, ascending; absent: all. */
  readonly selected?: Uint32Array
  /** Record `i` has sequence number `first + i` of this source. */
  readonly source: SequenceSource
  readonly first: number
  /** Correction added to every time, milliseconds. */
  readonly offsetMs: number
  /** What the clock of the device was worth when the times were taken; absent when none said so. */
  readonly clock?: ClockState | undefined
  /** Whether repeats of this source can come, so that the engine must keep its marks. */
  readonly repeatable: boolean
}

export interface Taken {
  /**
   * Resolves when every record is durable. It rejects with `unavailable`, when the gateway stops or
   * the stream is deleted first, or with `internal`, for a defect; then nothing is known of the
   * records that were not durable yet.
   */
  readonly durable: Promise<void>
  /** Records that were stored before and are left out now. */
  readonly repeats: number
}

/** From admitted records to the engine: keys to shards, lanes, aggregates, puts, retries. */
export interface Sharding extends Component {
  /**
   * Loads what `take` needs of a stream and a source: the shard map and the marks of earlier lives.
   * Undefined when all is loaded already, so that the hot path does not wait. Rejects with
   * `unknown_stream`, or `unavailable` when the engine does not answer.
   */
  prepare(stream: string, source: SequenceSource | undefined): Promise<void> | undefined
  /**
   * Takes a batch, reserving its bytes in every lane that it touches or in none. Synchronous, and
   * records of one source must be given in the order of their numbers. Throws `throttled` with
   * `retryAfterMs` when a lane is over its share, `unavailable` when memory is at its bound or the
   * stream is not prepared; then nothing was taken.
   */
  take(batch: AdmittedBatch): Taken
  /**
   * Largest record the stream takes, its key and attributes included, less the worst case of
   * wrapping it as an aggregate. Bytes. Throws `unavailable` when the stream is not prepared.
   */
  maxRecordBytes(stream: string): number
  /**
   * Calls `listener` when a stream was deleted, before one of the same name can be prepared: what
   * is remembered of its sources holds no more.
   */
  onGone(listener: (stream: string) => void): void
  stats(): ShardingStats
}

export interface LaneStats {
  readonly stream: string
  readonly shard: ShardId
  readonly queuedBytes: number
  readonly queuedRecords: number
  readonly throttles: number
  readonly putRecords: number
  readonly putBytes: number
  readonly puts: number
  /** Units that the engine bills for what was put; 0 where it bills none. */
  readonly payloadUnits: number
}

export interface ShardingStats {
  readonly lanes: readonly LaneStats[]
  readonly bytes: number
  readonly maxBytes: number
}
