import type { StreamDefinition } from '../../stream-definition.ts'
import { encryptionType } from '../data/encryption-type.ts'
import type { WireObject } from '../operation.ts'
import { streamArnOf } from '../stream-identity.ts'
import { warmThroughput } from './warm-throughput.ts'

const hourMs = 3_600_000

/**
 * Whole hours, as the API has them. A stream from the configuration of the gateway may keep its
 * records for less than one.
 */
export function retentionHours({ retentionMs }: StreamDefinition): number {
  return Math.ceil(retentionMs / hourMs)
}

/** `StreamSummary` of the API. A stream is in no other state than ACTIVE: changes are made when they are answered. */
export function streamSummary(definition: StreamDefinition, region: string): WireObject {
  const { name, settings } = definition
  return {
    StreamName: name,
    StreamARN: streamArnOf(name, region),
    StreamStatus: 'ACTIVE',
    StreamModeDetails: { StreamMode: settings.mode },
    StreamCreationTimestamp: new Date(settings.createdMs)
  }
}

/** What `StreamDescription` and `StreamDescriptionSummary` have in common. */
export function streamFacts(definition: StreamDefinition, region: string): WireObject {
  const { settings } = definition
  return {
    ...streamSummary(definition, region),
    RetentionPeriodHours: retentionHours(definition),
    EnhancedMonitoring: [{ ShardLevelMetrics: settings.shardLevelMetrics }],
    EncryptionType: encryptionType(settings),
    KeyId: settings.keyId
  }
}

/** `StreamDescriptionSummary` of the API. */
export function streamDescriptionSummary(definition: StreamDefinition, region: string): WireObject {
  const { shards, settings, maxRecordBytes } = definition
  return {
    ...streamFacts(definition, region),
    OpenShardCount: shards.open().length,
    ConsumerCount: settings.consumers.length,
    WarmThroughput: warmThroughput(settings),
    MaxRecordSizeInKiB: Math.ceil(maxRecordBytes / 1024),
    ChannelCount: 0,
    // A producer that aggregates looks here whether the stream keeps to partition keys.
    RecordDistributionStrategy: 'USER_PARTITION_KEY'
  }
}
