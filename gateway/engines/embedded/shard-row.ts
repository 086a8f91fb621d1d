import type { HashRange } from '../engine.ts'

export interface ShardRow {
  readonly index: number
  readonly range: HashRange
  readonly parents: readonly number[]
  readonly createdSeconds: number
  /** Absent while the shard is open. */
  readonly closed?: ShardClosing
}

export interface ShardClosing {
  /** Every record of the shard has a sequence index below this. */
  readonly atIndex: number
  /** Age of the engine at that time. */
  readonly ageMs: number
}

/** When and where a reshard happens. */
export interface ReshardMoment extends ShardClosing {
  readonly wallSeconds: number
}

export interface ShardTableParts {
  /** In the order they were made. */
  readonly rows: readonly ShardRow[]
  /** Rises with each reshard. */
  readonly version: number
  /** Index of the next shard to be made. */
  readonly nextIndex: number
}
