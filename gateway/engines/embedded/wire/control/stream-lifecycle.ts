import { z } from 'zod'
import { asHeadwaterError } from '../../../../../shared/errors.ts'
import { maxOpenShards } from '../../stream-definition.ts'
import { type Operations, operation } from '../operation.ts'
import { resourceName, streamMembers } from '../shapes.ts'
import { definitionOf, streamOf } from '../stream-identity.ts'
import { accountId, type WireContext } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { requireOnDemandStream, requireShards } from './account-limits.ts'
import {
  maxRecordSizeInKiB,
  shardTotal,
  streamModeDetails,
  tagMap,
  warmThroughputMiBps
} from './control-shapes.ts'
import { withTags } from './tags.ts'
import { requireWarmThroughput, shardsFor } from './warm-throughput.ts'

const createStream = z.object({
  StreamName: resourceName(),
  ShardCount: shardTotal().optional(),
  StreamModeDetails: streamModeDetails().optional(),
  Tags: tagMap().optional(),
  WarmThroughputMiBps: warmThroughputMiBps().optional(),
  MaxRecordSizeInKiB: maxRecordSizeInKiB().optional(),
  RecordDistributionStrategy: z.enum(['AUTO', 'USER_PARTITION_KEY']).optional()
})

type CreateStream = z.output<typeof createStream>

/** Write throughput of 4 MB/s, as Amazon Kinesis gives to a new on-demand stream. */
const onDemandShards = 4

/** `CreateStream` and `DeleteStream`. */
export function streamLifecycle(context: WireContext): Operations {
  const { engine } = context
  return {
    // A stream is ACTIVE as soon as it exists: all of it is durable when the answer goes out.
    CreateStream: operation(createStream, async (input, { region }) => {
      const name = input.StreamName
      const mode = input.StreamModeDetails?.StreamMode ?? 'PROVISIONED'
      const shards = mode === 'ON_DEMAND' ? onDemandCount(input) : provisionedCount(input)
      const warm = input.WarmThroughputMiBps
      if (warm !== undefined) await requireWarmThroughput(context, mode, warm)
      if (mode === 'ON_DEMAND') requireOnDemandStream(engine)
      requireShards(engine, shards, region)
      const tags = withTags([], input.Tags ?? {}, `stream ${name}`)
      const { MaxRecordSizeInKiB: maxKiB } = input
      await engine
        .create(name, {
          shards,
          ...(maxKiB === undefined ? {} : { maxRecordBytes: maxKiB * 1024 }),
          settings: { mode, tags, warmThroughputMiBps: warm }
        })
        .catch((thrown: unknown) => {
          throw asHeadwaterError(thrown).code === 'conflict' ? existsAlready(name, thrown) : thrown
        })
      return undefined
    }),

    DeleteStream: operation(
      z.object({ ...streamMembers, EnforceConsumerDeletion: z.boolean().optional() }),
      async (input) => {
        const name = streamOf(input)
        const { consumers } = definitionOf(engine, name).settings
        if (consumers.length > 0 && !input.EnforceConsumerDeletion) {
          throw new WireError(
            'ResourceInUseException',
            `Stream ${name} under account ${accountId} has registered consumers; deregister them or set EnforceConsumerDeletion.`
          )
        }
        await engine.delete(name)
        return undefined
      }
    )
  }
}

function provisionedCount({ ShardCount, RecordDistributionStrategy }: CreateStream): number {
  if (RecordDistributionStrategy === 'AUTO') {
    throw new WireError(
      'InvalidArgumentException',
      'RecordDistributionStrategy AUTO is for on-demand streams.'
    )
  }
  if (ShardCount === undefined) {
    throw new WireError(
      'InvalidArgumentException',
      'ShardCount is required when StreamMode=PROVISIONED.'
    )
  }
  if (ShardCount > maxOpenShards) {
    throw new WireError(
      'LimitExceededException',
      `A stream can have at most ${maxOpenShards} open shards.`
    )
  }
  return ShardCount
}

function onDemandCount(input: CreateStream): number {
  if (input.RecordDistributionStrategy === 'AUTO') {
    throw new WireError(
      'InvalidArgumentException',
      'RecordDistributionStrategy AUTO is not supported here; use USER_PARTITION_KEY.'
    )
  }
  if (input.ShardCount !== undefined) {
    throw new WireError(
      'InvalidArgumentException',
      'ShardCount is not expected when StreamMode=ON_DEMAND'
    )
  }
  return Math.max(onDemandShards, shardsFor(input.WarmThroughputMiBps ?? 0))
}

function existsAlready(name: string, cause: unknown): WireError {
  const message = `Stream ${name} under account ${accountId} already exists.`
  return new WireError('ResourceInUseException', message, { cause })
}
