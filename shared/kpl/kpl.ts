import type { Attributes } from '../record.ts'
import type { BatchLane, ClockState } from '../wire/batch.ts'

/**
 * Records aggregated in the format of the Kinesis Producer Library:
 * `F3 89 9A C2 | protobuf AggregatedRecord | MD5 of the protobuf`, with identity, times and
 * attributes in top-level field 100 (bytes, CBOR), which protobuf readers pass over.
 */
export const kplMagic = Buffer.from([0xf3, 0x89, 0x9a, 0xc2])

/** Protobuf field number of the extra columns. */
export const extraField = 100

/** Whose numbers a sequence counts in; one order holds within each. */
export interface SequenceSource {
  readonly device: string
  /** 32 hexadecimal digits. */
  readonly epoch: string
  readonly lane: BatchLane
}

/** One text for a source, usable as a map key and in a store; neither part can hold a slash. */
export function sourceKey(source: SequenceSource): string {
  return `${source.device}/${source.epoch}/${source.lane}`
}

/**
 * How the epochs of sources begin that have one batch and no more, such as the one that an
 * idempotency key stands for. A random epoch begins so once in four thousand million.
 */
export const onceEpochHead = 'ffffffff'

/** Whether the source of a `sourceKey` has one batch and no more. */
export function isOnce(key: string): boolean {
  return key.startsWith(onceEpochHead, key.indexOf('/') + 1)
}

/** The members of an aggregate as columns; `count` entries each. */
export interface AggregateMembers {
  readonly count: number
  readonly partitionKeys: readonly string[]
  /** Index into `partitionKeys` by member. */
  readonly partitionKey: Uint32Array
  readonly explicitHashKeys: readonly string[]
  /** Index into `explicitHashKeys` by member; 0xffffffff when the member has none. */
  readonly explicitHashKey: Uint32Array
  /** `data[i]` is a view of the aggregate. */
  readonly data: readonly Buffer[]
  /** Absent in aggregates of other producers. */
  readonly extra?: AggregateExtra
}

/** A source, and what the clock of its device was worth; absent where no device said so. */
export interface ClockedSource extends SequenceSource {
  readonly clock?: ClockState | undefined
}

export interface AggregateExtra {
  /** One source may be there several times, with other clocks. */
  readonly sources: readonly ClockedSource[]
  /** Index into `sources` by member. */
  readonly source: Uint32Array
  readonly seqs: Float64Array
  /** Event times, milliseconds. */
  readonly times: Float64Array
  readonly attributes?: readonly (Attributes | null)[]
}
