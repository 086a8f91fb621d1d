import type { ShardId } from '../../../engine.ts'
import { shardIdOf } from '../../../shard-id.ts'
import type { ShardRow, ShardTable } from '../../shard-table.ts'

export interface OpenShard {
  readonly id: ShardId
  readonly row: ShardRow
}

const known = new WeakMap<ShardTable, readonly OpenShard[]>()

/** The open shard whose range holds a hash key; `hash` is below 2^128. */
export function openShardAt(table: ShardTable, hash: bigint): OpenShard {
  const shards = openShards(table)
  let low = 0
  let high = shards.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((shards[middle] as OpenShard).row.range.start <= hash) low = middle
    else high = middle - 1
  }
  return shards[low] as OpenShard
}

/** In the order of their ranges, which tile the hash space. A table never changes, so it is sorted once. */
function openShards(table: ShardTable): readonly OpenShard[] {
  let shards = known.get(table)
  if (!shards) {
    shards = table.rows
      .filter((row) => !row.closed)
      .sort((a, b) => (a.range.start < b.range.start ? -1 : 1))
      .map((row) => ({ id: shardIdOf(row.index), row }))
    known.set(table, shards)
  }
  return shards
}
