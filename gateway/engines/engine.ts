import type { Component } from '../../shared/component.ts'

/** Inclusive range of 128-bit hash keys. */
export interface HashRange {
  readonly start: bigint
  readonly end: bigint
}

/** `shardId-000000000000`, as Kinesis names them; never used again within a stream. */
export type ShardId = string

export interface Shard {
  readonly id: ShardId
  readonly range: HashRange
  /** Shards this one was made from by a split (one) or a merge (two). */
  readonly parents: readonly ShardId[]
  /** Closed shards take no writes and can still be read until they expire. */
  readonly open: boolean
}

export interface StreamDescription {
  readonly stream: string
  /** All shards that can be read, in the order they were made. */
  readonly shards: readonly Shard[]
  /** Changes whenever the set of open shards does. */
  readonly version: number
  readonly maxRecordBytes: number
  /** Limits of one `put`. */
  readonly maxPutEntries: number
  readonly maxPutBytes: number
  /** `auto`: the engine ignores keys and chooses the shard itself; such a stream is not aggregated. */
  readonly distribution: 'key' | 'auto'
  /** Tells a stream from a later one of the same name, where the engine knows. Wall time, milliseconds. */
  readonly createdMs?: number
  /** What puts are billed by, where they are: an entry best ends just below a multiple of it. Bytes. */
  readonly payloadUnitBytes?: number
}

/** Highest sequence number of one source in one entry; see `sourceKey`. */
export interface Mark {
  readonly source: string
  readonly seq: number
}

export interface PutEntry {
  /** Where the caller expects it to land. The embedded engine refuses when that is not so. */
  readonly shard: ShardId
  readonly partitionKey: string
  /** Where it belongs: from 0 to 2^128 - 1. */
  readonly hashKey: bigint
  /** The bytes, up to the stream's `maxRecordBytes`, key included. */
  readonly data: Buffer
  /** Stored in the same transaction as the entry, by an engine that can (`keepsMarks`). */
  readonly marks: readonly Mark[]
}

/** What became of one entry; same length and order as the entries. */
export type PutOutcome =
  | { readonly status: 'stored'; readonly shard: ShardId; readonly sequence: string }
  /** Over the shard's throughput: send the same bytes again later. */
  | { readonly status: 'throttled'; readonly message: string; readonly retryAfterMs?: number }
  /** The expected shard is closed or unknown: read the shard map again. Not stored. */
  | { readonly status: 'wrong_shard'; readonly message: string }
  /** `retryable: false`: this entry will never be taken (too large, malformed). */
  | { readonly status: 'failed'; readonly message: string; readonly retryable: boolean }

export interface ShardMark {
  readonly shard: ShardId
  readonly seq: number
}

/** Where a reader of one shard stands. */
export type ShardPosition =
  | { readonly at: 'start' }
  | { readonly at: 'end' }
  /** The first record that arrived at or after this wall time, milliseconds. */
  | { readonly at: 'time'; readonly timeMs: number }
  | { readonly at: 'sequence' | 'after'; readonly sequence: string }

export interface StreamRecord {
  readonly sequence: string
  readonly partitionKey: string
  readonly data: Buffer
  /** Milliseconds since the epoch; approximate, as in Kinesis. */
  readonly arrivalMs: number
}

/** What is asked of a shard: records in sequence order, at least one if there is one. */
export interface ReadRange {
  readonly from: ShardPosition
  readonly maxRecords: number
  /** Bound of the data of all records but the first. */
  readonly maxBytes: number
}

export interface ReadResult {
  readonly records: readonly StreamRecord[]
  /** Where to go on; absent when the shard is closed and read to its end. */
  readonly next?: ShardPosition
  /** How far behind the newest record of the shard this read ends; 0 at the tip. */
  readonly behindMs: number
}

/** Where records are kept and read from. `headwater` has one; the tests have a fake one. */
export interface StreamEngine extends Component {
  /** Whether `put` stores marks and `marks` gives them back. */
  readonly keepsMarks: boolean
  /** How long a lane may wait for more at low load, unless configured. Milliseconds. */
  readonly lingerMs: number
  streams(): Promise<readonly string[]>
  /** Rejects with `unknown_stream`. */
  describe(stream: string): Promise<StreamDescription>
  /** Calls `listener` after the open shards or the record limit of a stream changed, or it went. */
  onReshard(listener: (stream: string) => void): void
  /**
   * Stores entries durably; resolves when the outcome of every entry is known. A rejection means
   * that nothing is known of any of them. At most one put for the same shard is under way. An
   * engine that keeps marks stores the entries for one shard in their order, and none behind one
   * that may be sent again.
   */
  put(stream: string, entries: readonly PutEntry[], signal: AbortSignal): Promise<PutOutcome[]>
  /** All marks of a source, of open and closed shards; empty where none are kept. */
  marks(stream: string, source: string): Promise<readonly ShardMark[]>
  /** Rejects with `not_found` for a shard that does not exist or has expired. */
  read(stream: string, shard: ShardId, range: ReadRange): Promise<ReadResult>
  /** Resolves when `stream` may have something new, or when `signal` aborts. */
  changed(stream: string, signal: AbortSignal): Promise<void>
}

export interface CreateOptions {
  readonly shards: number
  readonly retentionMs?: number
  /** Largest entry, key included; up to 10 MiB. Bytes; default 1 MiB, as in Kinesis. */
  readonly maxRecordBytes?: number
}

/**
 * What a person may make a stream with: a typing error must not make a million shards, and Kinesis
 * keeps nothing for longer than a year.
 */
export const createLimits = { shards: 4096, retentionHours: 365 * 24 } as const

/** Makes and changes the streams of an engine. */
export interface StreamAdmin {
  /** Rejects with `conflict` when it exists. */
  create(stream: string, options: CreateOptions): Promise<void>
  delete(stream: string): Promise<void>
  /** Splits an open shard; at the middle of its range when `at` is absent. Resolves with the children. */
  split(stream: string, shard: ShardId, at?: bigint): Promise<readonly ShardId[]>
  /** Merges two open neighbours. Resolves with the child. */
  merge(stream: string, shard: ShardId, neighbour: ShardId): Promise<ShardId>
}

/** Keeps how far the readers of an application have come. */
export interface CheckpointStore {
  /** Durable when it resolves. */
  saveCheckpoint(application: string, stream: string, value: string): Promise<void>
  loadCheckpoint(application: string, stream: string): Promise<string | undefined>
}
