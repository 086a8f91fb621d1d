import { shardIdOf } from '../../../shard-id.ts'
import type { NextTokens } from '../next-token.ts'
import { parseInput } from '../shapes.ts'
import { indexAfter, type ShardFilter, shardFilterShape } from './shard-filter.ts'

/** What ListShards gives, and from where on. */
export interface ShardListing {
  readonly stream: string
  /** Tells a stream from a later one with the same name. */
  readonly createdMs: number
  /** Shards with a higher index are given. */
  readonly after: number
  readonly filter: ShardFilter
}

/** The listing as a `NextToken`. */
export function sealListing(listing: ShardListing, tokens: NextTokens): string {
  const { stream, createdMs, after, filter } = listing
  const { Type, ShardId = '', Timestamp } = filter
  const time = Timestamp ? String(Timestamp.getTime()) : ''
  const parts = [stream, String(createdMs), shardIdOf(after), Type, ShardId, time]
  return tokens.seal(parts)
}

/** Throws as `NextTokens.open` does, and for parts that cannot be. */
export function openListing(token: string, tokens: NextTokens): ShardListing {
  const [stream = '', createdMs, after, Type, ShardId, time] = tokens.open(token)
  return {
    stream,
    createdMs: Number(createdMs),
    after: indexAfter(after),
    filter: parseInput(shardFilterShape, {
      Type,
      ...(ShardId ? { ShardId } : {}),
      ...(time ? { Timestamp: new Date(Number(time)) } : {})
    })
  }
}
