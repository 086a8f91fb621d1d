import { HeadwaterError } from '../../../shared/errors.ts'
import type { Shard, ShardId } from '../engine.ts'
import { hashSpace } from '../hash-key.ts'
import { shardIdOf, shardIndexOf } from '../shard-id.ts'
import { ShardDraft } from './shard-draft.ts'
import type { ReshardMoment, ShardClosing, ShardRow, ShardTableParts } from './shard-row.ts'

export type { ReshardMoment, ShardRow } from './shard-row.ts'

/** The shards of one stream: a value, each change of it is a new table. Open ranges tile the space. */
export class ShardTable implements ShardTableParts {
  readonly rows: readonly ShardRow[]
  readonly version: number
  readonly nextIndex: number
  readonly #byIndex: ReadonlyMap<number, ShardRow>
  /** Made when it is asked for. */
  #open: readonly ShardRow[] | undefined

  constructor(parts: ShardTableParts) {
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

  /** Whether the shard is here as `row` has it. */
  has(row: ShardRow): boolean {
    return this.#byIndex.get(row.index) === row
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
    return this.change(moment, (draft) => draft.split(row, at ?? start + (end - start + 1n) / 2n))
  }

  /** Throws `not_found`, `conflict` for a closed shard, and `invalid` unless the two are neighbours. */
  merge(id: ShardId, neighbourId: ShardId, moment: ReshardMoment): ShardTable {
    const pair = [this.#requireOpen(id), this.#requireOpen(neighbourId)] as const
    const [low, high] = pair.map((row) => row.range).sort((a, b) => (a.start < b.start ? -1 : 1))
    if (!low || !high || low.end + 1n !== high.start) {
      throw new HeadwaterError('invalid', `${id} and ${neighbourId} are not neighbours`)
    }
    return this.change(moment, (draft) => draft.merge(pair, { start: low.start, end: high.end }))
  }

  /** Some splits and merges at once. Throws what `work` throws. */
  change(moment: ReshardMoment, work: (draft: ShardDraft) => unknown): ShardTable {
    const draft = new ShardDraft(this, moment)
    work(draft)
    return new ShardTable(draft.parts())
  }

  /** Without the closed shards that `isGone` names; the same table when there are none. */
  expire(isGone: (closing: ShardClosing) => boolean): ShardTable {
    const rows = this.rows.filter((row) => !row.closed || !isGone(row.closed))
    if (rows.length === this.rows.length) return this
    return new ShardTable({ rows, version: this.version, nextIndex: this.nextIndex })
  }

  /** Rows of the open shards, by where they begin. */
  open(): readonly ShardRow[] {
    this.#open ??= this.rows
      .filter((row) => !row.closed)
      .sort((a, b) => (a.range.start < b.range.start ? -1 : 1))
    return this.#open
  }

  /** The open shard whose range holds a hash key, which is below 2^128. */
  openAt(hash: bigint): ShardRow {
    const open = this.open()
    let low = 0
    let high = open.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((open[middle] as ShardRow).range.start <= hash) low = middle
      else high = middle - 1
    }
    return open[low] as ShardRow
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
}
