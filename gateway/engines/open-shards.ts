import type { Shard } from './engine.ts'
import { hashSpace } from './hash-key.ts'

/** The shards that take records, by where they begin. */
export function openShards(shards: readonly Shard[]): readonly Shard[] {
  return shards
    .filter((shard) => shard.open)
    .sort((a, b) => (a.range.start < b.range.start ? -1 : 1))
}

/** Whether open shards, in that order, cover every hash key once. In the midst of a reshard they may not. */
export function coverAll(open: readonly Shard[]): boolean {
  let next = 0n
  for (const { range } of open) {
    if (range.start !== next) return false
    next = range.end + 1n
  }
  return next === hashSpace
}
