import { hashSpace } from '../hash-key.ts'
import type { ShardDraft } from './shard-draft.ts'
import type { ReshardMoment, ShardRow, ShardTable } from './shard-table.ts'

/**
 * Boundaries this near are the same one: slices of slices are off by the remainders of their
 * divisions. The narrowest slice of a stream is 2^50 times as wide.
 */
const tolerance = 1n << 64n

/**
 * A table with `count` open shards of equal width. As every shard comes from a split of one or a
 * merge of two, there are shards between the old ones and the new ones that were never written to:
 * first all is cut where a new shard is to begin, then what lies between two cuts is merged.
 */
export function scaleUniformly(
  table: ShardTable,
  count: number,
  moment: ReshardMoment
): ShardTable {
  const open = table.open()
  const cuts = cutsFor(open, count)
  const isUniform =
    open.length === count && cuts.every((cut, i) => cut === open[i + 1]?.range.start)
  if (isUniform) return table
  return table.change(moment, (draft) => {
    const starts = new Set(cuts)
    let group: ShardRow[] = []
    for (const piece of cutAll(draft, open, cuts)) {
      if (starts.has(piece.range.start)) {
        mergeAll(draft, group)
        group = []
      }
      group.push(piece)
    }
    mergeAll(draft, group)
  })
}

/** Where the shards but the first are to begin, rising; at a present boundary if one is as good. */
function cutsFor(open: readonly ShardRow[], count: number): bigint[] {
  const slice = hashSpace / BigInt(count)
  const starts = open.map((row) => row.range.start)
  let at = 0
  return Array.from({ length: count - 1 }, (_, i) => {
    const ideal = slice * BigInt(i + 1)
    let start = starts[at]
    while (start !== undefined && start < ideal - tolerance) {
      at += 1
      start = starts[at]
    }
    return start !== undefined && start <= ideal + tolerance ? start : ideal
  })
}

function cutAll(
  draft: ShardDraft,
  open: readonly ShardRow[],
  cuts: readonly bigint[]
): readonly ShardRow[] {
  let at = 0
  return open.flatMap((row) => {
    const from = cuts[at] === row.range.start ? at + 1 : at
    at = from
    for (let cut = cuts[at]; cut !== undefined && cut <= row.range.end; cut = cuts[at]) at += 1
    return cutUp(draft, row, cuts.slice(from, at))
  })
}

/** In halves, so that few shards are made on the way and no line of parents gets long. */
function cutUp(draft: ShardDraft, row: ShardRow, cuts: readonly bigint[]): ShardRow[] {
  const middle = cuts.length >> 1
  const cut = cuts[middle]
  if (cut === undefined) return [row]
  const [low, high] = draft.split(row, cut)
  return [
    ...cutUp(draft, low, cuts.slice(0, middle)),
    ...cutUp(draft, high, cuts.slice(middle + 1))
  ]
}

/** In halves as well; nothing happens to less than two. */
function mergeAll(draft: ShardDraft, rows: readonly ShardRow[]): ShardRow | undefined {
  const [first] = rows
  if (rows.length < 2) return first
  const half = rows.length >> 1
  const low = mergeAll(draft, rows.slice(0, half))
  const high = mergeAll(draft, rows.slice(half))
  return low && high && draft.merge([low, high], { start: low.range.start, end: high.range.end })
}
