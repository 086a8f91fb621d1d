import { z } from 'zod'
import type { ShardRow } from '../../shard-table.ts'
import type { StreamDefinition } from '../../stream-definition.ts'
import { type Operations, operation } from '../operation.ts'
import { hashKey, resourceName, streamMembers } from '../shapes.ts'
import { accountId, type WireContext } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { requireShards } from './account-limits.ts'
import { provisionedStream } from './provisioned-stream.ts'
import { noShard, shardClosed } from './shard-errors.ts'

/** `SplitShard` and `MergeShards`. The shards are there when the answer goes out. */
export function resharding({ engine }: WireContext): Operations {
  return {
    SplitShard: operation(
      z.object({
        ...streamMembers,
        ShardToSplit: resourceName(),
        NewStartingHashKey: hashKey()
      }),
      async (input, { region }) => {
        const definition = provisionedStream(engine, input)
        const { ShardToSplit: shard } = input
        const key = BigInt(input.NewStartingHashKey)
        requireInside(openShard(definition, shard), key, { shard, definition })
        requireShards(engine, 1, region)
        await engine.split(definition.name, shard, key)
        return undefined
      }
    ),

    MergeShards: operation(
      z.object({
        ...streamMembers,
        ShardToMerge: resourceName(),
        AdjacentShardToMerge: resourceName()
      }),
      async (input) => {
        const definition = provisionedStream(engine, input)
        const { ShardToMerge: one, AdjacentShardToMerge: other } = input
        const pair = [openShard(definition, one), openShard(definition, other)] as const
        if (!areNeighbours(pair)) {
          throw new WireError(
            'InvalidArgumentException',
            `Shards ${one} and ${other} in stream ${definition.name} under account ${accountId} are not an adjacent pair of shards eligible for merging`
          )
        }
        await engine.merge(definition.name, one, other)
        return undefined
      }
    )
  }
}

function openShard({ name, shards }: StreamDefinition, id: string): ShardRow {
  const row = shards.byId(id)
  if (!row) throw noShard(id, name)
  if (row.closed) throw shardClosed(id, name)
  return row
}

function requireInside(
  { range: { start, end } }: ShardRow,
  key: bigint,
  where: { readonly shard: string; readonly definition: StreamDefinition }
): void {
  if (key > start + 1n && key < end) return
  throw new WireError(
    'InvalidArgumentException',
    `NewStartingHashKey ${key} used in SplitShard() on shard ${where.shard} in stream ` +
      `${where.definition.name} under account ${accountId} is not both greater than one plus the ` +
      `shard's StartingHashKey ${start} and less than the shard's EndingHashKey ${end}.`
  )
}

function areNeighbours([one, other]: readonly [ShardRow, ShardRow]): boolean {
  return one.range.end + 1n === other.range.start || other.range.end + 1n === one.range.start
}
