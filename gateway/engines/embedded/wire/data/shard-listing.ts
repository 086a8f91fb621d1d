import type { Clock } from '../../../../../shared/clock.ts'
import { shardIdOf } from '../../../shard-id.ts'
import { openToken, sealToken } from '../next-token.ts'
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
export function sealListing(listing: ShardListing, clock: Clock): string {
  const { stream, createdMs, after, filter } = listing
  const { Type, ShardId = '', Timestamp } = filter
  const time = Timestamp ? String(Timestamp.getTime()) : ''
  const parts = [stream, String(createdMs), shardIdOf(after), Type, ShardId, time]
  return sealToken('shards', parts, clock)
}

/** Throws as `openToken` does, and for parts that cannot be. */
export function openListing(token: string, clock: Clock): ShardListing {
  const [stream = '', createdMs, after, Type, ShardId, time] = openToken('shards', token, clock)
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
