import type { PutEntry } from '../engine.ts'
import type { ShardRow } from './shard-table.ts'

/**
 * Records of one put that belong to one shard, as columns. They are stored all or none, and their
 * sequence indexes follow each other. The data of a run stays below that of a block, 1 MiB.
 */
export interface ShardRun {
  /** As the table of the stream had it when the records were placed; refused when it has changed. */
  readonly row: ShardRow
  /** Partition key and bytes of data, by record. */
  readonly keys: readonly string[]
  readonly lens: readonly number[]
  /** The data of all records end to end. */
  readonly data: Buffer
  /** Of the largest record, key included. */
  readonly largestBytes: number
}

/** What a put is made of; one outcome each. That of a run has the sequence number of its first record. */
export type PutPart = PutEntry | ShardRun

export function isRun(part: PutPart): part is ShardRun {
  return 'lens' in part
}

export function countOf(part: PutPart): number {
  return isRun(part) ? part.lens.length : 1
}
