import { z } from 'zod'
import type { ReadResult, ShardPosition } from '../../../engine.ts'
import { decodeSequence } from '../../../sequence-number.ts'
import type { ShardRow } from '../../shard-table.ts'
import type { StreamDefinition } from '../../stream-definition.ts'
import { consumerOf } from '../consumer-identity.ts'
import { consumerArn } from '../control/control-shapes.ts'
import { endDryRun, dryRunMember } from '../data/dry-run.ts'
import { encryptionType } from '../data/encryption-type.ts'
import { childShards } from '../data/shard-shape.ts'
import { positionTypes, startingPosition } from '../data/starting-position.ts'
import { type Operation, operation, type WireEvent, type WireObject } from '../operation.ts'
import { resourceName, sequenceNumber, timestamp } from '../shapes.ts'
import { definitionOf, shardOf } from '../stream-identity.ts'
import type { WireContext } from '../wire-context.ts'
import { recordShape } from '../data/record-shape.ts'
import { ShardFeed } from './shard-feed.ts'
import { Subscriptions } from './subscriptions.ts'

const mebibyte = 1024 * 1024

const shape = z.object({
  ConsumerARN: consumerArn(),
  ShardId: resourceName(),
  StartingPosition: z.object({
    Type: z.enum(positionTypes),
    SequenceNumber: sequenceNumber().optional(),
    Timestamp: timestamp().optional()
  }),
  ...dryRunMember
})

/** Pushes the records of one shard to one consumer. */
export function subscribeToShard({ engine, clock, limits }: WireContext): Operation {
  const subscriptions = new Subscriptions(clock)
  return operation(shape, async (input, call) => {
    const { ConsumerARN, ShardId, StartingPosition } = input
    const { stream, consumer } = consumerOf(engine, ConsumerARN)
    const row = shardOf(definitionOf(engine, stream), ShardId)
    const { Type: type, SequenceNumber: sequence, Timestamp: time } = StartingPosition
    const asked = startingPosition({ type, sequence, time }, { row, stream, nowMs: clock.wallMs() })
    endDryRun(input)
    const name = JSON.stringify([stream, consumer.name, consumer.createdSeconds, ShardId])
    const feed = new ShardFeed({
      engine,
      stream,
      shard: ShardId,
      clock,
      signal: subscriptions.begin(name, call.signal),
      ...(limits === 'kinesis' ? { bytesPerSecond: 2 * mebibyte } : {})
    })
    const first = await feed.begin(resumed(asked))
    return { events: events(feed.results(first)) }

    async function* events(results: AsyncIterable<ReadResult>): AsyncGenerator<WireEvent> {
      for await (const result of results) {
        // Ends with an error when the consumer was deregistered or the stream deleted meanwhile.
        consumerOf(engine, ConsumerARN)
        yield {
          type: 'SubscribeToShardEvent',
          payload: eventShape(result, row, definitionOf(engine, stream))
        }
      }
    }
  })
}

function eventShape(result: ReadResult, row: ShardRow, definition: StreamDefinition): WireObject {
  const encryption = encryptionType(definition.settings)
  return {
    Records: result.records.map((record) => recordShape(record, encryption)),
    MillisBehindLatest: result.behindMs,
    ContinuationSequenceNumber: continuation(result),
    ChildShards: result.next ? undefined : childShards(row, definition.shards)
  }
}

/** From behind this number a new subscription goes on; at the end of a shard there is none, ever. */
function continuation({ records, next }: ReadResult): string | undefined {
  if (!next) return undefined
  return records.at(-1)?.sequence ?? (next.at === 'sequence' ? next.sequence : undefined)
}

/** Where a number that the engine made for a place is no record's, behind it is at it. */
function resumed(position: ShardPosition): ShardPosition {
  if (position.at !== 'after') return position
  const { sequence } = position
  return decodeSequence(sequence)?.timeSeconds === 0 ? { at: 'sequence', sequence } : position
}
