import { encodeSequence } from '../../../sequence-number.ts'
import { shardIdOf } from '../../../shard-id.ts'
import type { ShardRow, ShardTable } from '../../shard-table.ts'
import type { WireObject } from '../operation.ts'

/** Longest time a sequence number holds: above every record with the same sequence index. */
const latestSeconds = 2 ** 36 - 1

/** `Shard` of the API. Parents stay named when they have expired. */
export function shardShape(row: ShardRow): WireObject {
  const [parent, adjacent] = row.parents
  return {
    ShardId: shardIdOf(row.index),
    ParentShardId: parent === undefined ? undefined : shardIdOf(parent),
    AdjacentParentShardId: adjacent === undefined ? undefined : shardIdOf(adjacent),
    HashKeyRange: hashKeyRange(row),
    SequenceNumberRange: {
      StartingSequenceNumber: startingSequence(row),
      EndingSequenceNumber: endingSequence(row)
    }
  }
}

/** `ChildShards` of a shard that is read to its end. */
export function childShards(parent: ShardRow, table: ShardTable): WireObject[] {
  return table.rows
    .filter((row) => row.parents.includes(parent.index))
    .map((row) => ({
      ShardId: shardIdOf(row.index),
      ParentShards: row.parents.map(shardIdOf),
      HashKeyRange: hashKeyRange(row)
    }))
}

/** Not above the sequence number of any record of the shard. */
function startingSequence({ index, createdSeconds }: ShardRow): string {
  return encodeSequence({
    shardIndex: index,
    shardCreatedSeconds: createdSeconds,
    index: 0,
    timeSeconds: 0
  })
}

/**
 * Not below the sequence number of any record of a closed shard, and below those of its children;
 * undefined while the shard is open. (Amazon Kinesis gives the highest sequence index there is,
 * this is where the shard really ended.)
 */
function endingSequence({ index, createdSeconds, closed }: ShardRow): string | undefined {
  if (!closed) return undefined
  return encodeSequence({
    shardIndex: index,
    shardCreatedSeconds: createdSeconds,
    index: Math.max(closed.atIndex - 1, 0),
    timeSeconds: latestSeconds
  })
}

function hashKeyRange({ range }: ShardRow): WireObject {
  return {
    StartingHashKey: range.start.toString(),
    EndingHashKey: range.end.toString()
  }
}
