import { HeadwaterError } from '../../../shared/errors.ts'
import type { HashRange, Shard, ShardId } from '../engine.ts'
import { shardIdOf, shardIndexOf } from '../shard-id.ts'

/** One past the last hash key. */
export const hashSpace = 1n << 128n

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

/** The shards of one stream: a value, each change of it is a new table. Open ranges tile the space. */
export class ShardTable {
  /** In the order they were made. */
  readonly rows: readonly ShardRow[]
  /** Rises with each reshard. */
  readonly version: number
  /** Index of the next shard to be made. */
  readonly nextIndex: number
  readonly #byIndex: ReadonlyMap<number, ShardRow>

  constructor(parts: { rows: readonly ShardRow[]; version: number; nextIndex: number }) {
    this.rows = parts.rows
    this.version = parts.version
    this.nextIndex = parts.nextIndex
    this.#byIndex = new Map(parts.rows.map((row) => [row.index, row]))
  }

  /** `count` equal slices; the last takes the remainder, as in Kinesis. */
  static uniform(count: number, createdSeconds: number): ShardTable {
    const slice = hashSpace / BigInt(count)
    const rows = Array.from({ length: count }, (_, index) => {
      const start = slice * BigInt(index)
      const end = index === count - 1 ? hashSpace - 1n : start + slice - 1n
      return { index, range: { start, end }, parents: [], createdSeconds }
    })
    return new ShardTable({ rows, version: 1, nextIndex: count })
  }

  byId(id: ShardId): ShardRow | undefined {
    const index = shardIndexOf(id)
    return index === undefined ? undefined : this.#byIndex.get(index)
  }

  /** Throws `not_found`. */
  require(id: ShardId): ShardRow {
    const row = this.byId(id)
    if (!row) throw new HeadwaterError('not_found', `no shard ${id} in this stream`)
    return row
  }

  /**
   * At the middle when `at` is absent; the upper child begins at `at`. Throws `not_found`,
   * `conflict` for a closed shard, and `invalid` for a key that does not lie strictly inside.
   */
  split(id: ShardId, at: bigint | undefined, moment: ReshardMoment): ShardTable {
    const row = this.#requireOpen(id)
    const { start, end } = row.range
    const key = at ?? start + (end - start + 1n) / 2n
    if (key <= start + 1n || key >= end) {
      throw new HeadwaterError(
        'invalid',
        `the hash key to split ${id} at must be above ${start + 1n} and below ${end}, not ${key}`
      )
    }
    return this.#replace([row], moment, [
      { start, end: key - 1n },
      { start: key, end }
    ])
  }

  /** Throws `not_found`, `conflict` for a closed shard, and `invalid` unless the two are neighbours. */
  merge(id: ShardId, neighbourId: ShardId, moment: ReshardMoment): ShardTable {
    const pair = [this.#requireOpen(id), this.#requireOpen(neighbourId)]
    const [low, high] = pair.map((row) => row.range).sort((a, b) => (a.start < b.start ? -1 : 1))
    if (!low || !high || low.end + 1n !== high.start) {
      throw new HeadwaterError('invalid', `${id} and ${neighbourId} are not neighbours`)
    }
    return this.#replace(pair, moment, [{ start: low.start, end: high.end }])
  }

  /** Without the closed shards that `isGone` names; the same table when there are none. */
  expire(isGone: (closing: ShardClosing) => boolean): ShardTable {
    const rows = this.rows.filter((row) => !row.closed || !isGone(row.closed))
    if (rows.length === this.rows.length) return this
    return new ShardTable({ rows, version: this.version, nextIndex: this.nextIndex })
  }

  shards(): readonly Shard[] {
    return this.rows.map((row) => ({
      id: shardIdOf(row.index),
      range: row.range,
      parents: row.parents.map(shardIdOf),
      open: !row.closed
    }))
  }

  #requireOpen(id: ShardId): ShardRow {
    const row = this.require(id)
    if (row.closed) throw new HeadwaterError('conflict', `${id} is closed already`)
    return row
  }

  #replace(
    parents: readonly ShardRow[],
    { atIndex, ageMs, wallSeconds }: ReshardMoment,
    ranges: readonly HashRange[]
  ): ShardTable {
    const closed = { atIndex, ageMs }
    // A child is younger than its parents, so that its sequence numbers are above theirs.
    const createdSeconds = Math.max(wallSeconds, ...parents.map((row) => row.createdSeconds + 1))
    const children = ranges.map((range, i) => ({
      index: this.nextIndex + i,
      range,
      parents: parents.map((row) => row.index),
      createdSeconds
    }))
    return new ShardTable({
      rows: [
        ...this.rows.map((row) => (parents.includes(row) ? { ...row, closed } : row)),
        ...children
      ],
      version: this.version + 1,
      nextIndex: this.nextIndex + ranges.length
    })
  }
}
