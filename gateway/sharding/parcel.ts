import type { AggregateRun } from '../../shared/kpl/aggregate-writer.ts'
import type { ClockedSource } from '../../shared/kpl/kpl.ts'
import type { Attributes } from '../../shared/record.ts'
import type { Mark } from '../engines/engine.ts'
import type { PendingBatch } from './pending-batch.ts'

/** Records of one batch that go to one lane. */
export interface Run extends AggregateRun {
  readonly batch: PendingBatch
  /** Whether repeats of its source can come. */
  readonly repeatable: boolean
}

/** What becomes one entry of a put: an aggregate, or one plain record. Its bytes never change. */
export interface Parcel {
  readonly partitionKey: string
  readonly hashKey: bigint
  readonly data: Buffer
  /** Highest number of each repeatable source in it. */
  readonly marks: readonly Mark[]
  /** Whose records it holds, in their order. */
  readonly spans: readonly Span[]
  readonly records: number
  /** Its records one by one, for the rare times when they must go another way. */
  unpack(): LooseRecord[]
}

export interface Span {
  readonly batch: PendingBatch
  readonly records: number
}

export interface LooseRecord {
  readonly batch: PendingBatch
  readonly source: ClockedSource
  readonly repeatable: boolean
  readonly seq: number
  readonly partitionKey: string
  readonly time: number
  readonly data: Buffer
  readonly attributes: Attributes | null
}

/** Memory of the objects around one span or one plain record, so that small things count too. */
export const overheadBytes = 256

/** What a parcel holds in memory. */
export function heldBytes(parcel: Parcel): number {
  return parcel.data.length + parcel.spans.length * overheadBytes
}

/** The queue in front of one shard: a row of parcels in order, of which the last may be open. */
export interface ParcelRow {
  /** Records in the row. */
  readonly records: number
  /** Bytes held in memory. */
  readonly bytes: number
  /** Whether the oldest parcel takes no more: waiting longer gains nothing. */
  readonly full: boolean
  /** When the oldest record came, on the monotonic clock; of no meaning when the row is empty. */
  readonly sinceMs: number
  add(run: Run, nowMs: number): void
  /** Takes the oldest parcels out, as many as may share a put within `limit`; at least one. */
  shift(limit: PutLimit): Parcel[]
  /** Puts parcels in front that may still be packed anew. */
  unshift(parcels: readonly Parcel[]): void
  /** Empties the row. */
  drain(): Parcel[]
}

export interface PutLimit {
  readonly entries: number
  readonly bytes: number
}

/** What a parcel takes of a put's limit. */
export function entryBytes(parcel: Parcel): number {
  return parcel.data.length + Buffer.byteLength(parcel.partitionKey)
}
