import { HeadwaterError } from '../../../shared/errors.ts'
import type { HashRange } from '../engine.ts'
import { shardIdOf } from '../shard-id.ts'
import type { ReshardMoment, ShardRow, ShardTableParts } from './shard-row.ts'

/** Open and closed shards of one stream; closed ones go with the retention. */
const maxRows = 50_000

/** A shard table that is being changed: any number of splits and merges that happen at one moment. */
export class ShardDraft {
  readonly #moment: ReshardMoment
  readonly #version: number
  /** By index, in the order they were made. */
  readonly #rows: Map<number, ShardRow>
  #nextIndex: number

  constructor(parts: ShardTableParts, moment: ReshardMoment) {
    this.#moment = moment
    this.#version = parts.version
    this.#rows = new Map(parts.rows.map((row) => [row.index, row]))
    this.#nextIndex = parts.nextIndex
  }

  /** The upper child begins at `key`. Throws `invalid` for a key that does not lie strictly inside. */
  split(row: ShardRow, key: bigint): readonly [low: ShardRow, high: ShardRow] {
    const { start, end } = row.range
    if (key <= start + 1n || key >= end) {
      throw new HeadwaterError(
        'invalid',
        `the hash key to split ${shardIdOf(row.index)} at must be above ${start + 1n} and below ${end}, not ${key}`
      )
    }
    this.#close(row)
    return [this.#make([row], { start, end: key - 1n }), this.#make([row], { start: key, end })]
  }

  /** The parents are neighbours whose ranges make up `range`. */
  merge(parents: readonly [ShardRow, ShardRow], range: HashRange): ShardRow {
    for (const row of parents) this.#close(row)
    return this.#make(parents, range)
  }

  /** Throws `too_large` when there are more shards than are kept. */
  parts(): ShardTableParts {
    const rows = [...this.#rows.values()]
    if (rows.length > maxRows) {
      throw new HeadwaterError(
        'too_large',
        `a stream keeps at most ${maxRows} open and closed shards; closed ones go with the retention`
      )
    }
    return { rows, version: this.#version + 1, nextIndex: this.#nextIndex }
  }

  #close(row: ShardRow): void {
    const { atIndex, ageMs } = this.#moment
    this.#rows.set(row.index, { ...row, closed: { atIndex, ageMs } })
  }

  #make(parents: readonly ShardRow[], range: HashRange): ShardRow {
    const row = {
      index: this.#nextIndex,
      range,
      parents: parents.map((parent) => parent.index),
      // A child is younger than its parents, so that its sequence numbers are above theirs.
      createdSeconds: Math.max(
        this.#moment.wallSeconds,
        ...parents.map((parent) => parent.createdSeconds + 1)
      )
    }
    this.#rows.set(row.index, row)
    this.#nextIndex += 1
    return row
  }
}
