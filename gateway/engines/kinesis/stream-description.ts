import type { Shard as ListedShard, StreamDescriptionSummary } from '@aws-sdk/client-kinesis'
import type { Shard, StreamDescription } from '../engine.ts'

/** PutRecords takes no more, keys included. */
const maxPutEntries = 500
const maxPutBytes = 10 * 1024 * 1024
const defaultRecordKiB = 1024

/**
 * Puts to provisioned streams are billed by 25 KB. AWS does not say whether a KB is 1,000 or 1,024
 * bytes; the smaller is below a multiple of both.
 */
const payloadUnitBytes = 25_000

/** What of a stream changes seldom. */
export type StreamTraits = Pick<
  StreamDescription,
  'maxRecordBytes' | 'distribution' | 'payloadUnitBytes'
>

export function traitsOf(summary: StreamDescriptionSummary | undefined): StreamTraits {
  const isOnDemand = summary?.StreamModeDetails?.StreamMode === 'ON_DEMAND'
  return {
    maxRecordBytes: (summary?.MaxRecordSizeInKiB ?? defaultRecordKiB) * 1024,
    distribution: summary?.RecordDistributionStrategy === 'AUTO' ? 'auto' : 'key',
    ...(isOnDemand ? {} : { payloadUnitBytes })
  }
}

export function descriptionOf(
  stream: string,
  traits: StreamTraits,
  map: { readonly shards: readonly Shard[]; readonly version: number }
): StreamDescription {
  return { stream, ...map, ...traits, maxPutEntries, maxPutBytes }
}

/** In the order they were made: their names carry a number that rises. */
export function shardsOf(listed: readonly ListedShard[]): Shard[] {
  return listed
    .map((shard) => ({
      id: shard.ShardId ?? '',
      range: {
        start: BigInt(shard.HashKeyRange?.StartingHashKey ?? 0),
        end: BigInt(shard.HashKeyRange?.EndingHashKey ?? 0)
      },
      parents: [shard.ParentShardId, shard.AdjacentParentShardId].filter(
        (parent) => parent !== undefined
      ),
      open: shard.SequenceNumberRange?.EndingSequenceNumber === undefined
    }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
