import { z } from 'zod'
import type { EmbeddedEngine } from '../../embedded-engine.ts'
import type { StreamConsumer } from '../../stream-settings.ts'
import {
  type ConsumerOfStream,
  consumerArnOf,
  consumerNamed,
  consumerOf
} from '../consumer-identity.ts'
import { NextTokens } from '../next-token.ts'
import { type Operations, operation, type WireObject } from '../operation.ts'
import { resourceName, streamArn, timestamp } from '../shapes.ts'
import { definitionOf, streamArnOf, streamOf } from '../stream-identity.ts'
import { accountId, type WireContext } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { accountLimits } from './account-limits.ts'
import { consumerArn, nextToken, pageLimit, tagMap } from './control-shapes.ts'
import { changeConsumer, changeSettings } from './stream-change.ts'
import { withTags } from './tags.ts'

const maxPage = 100

const meantConsumer = z.object({
  ConsumerARN: consumerArn().optional(),
  ConsumerName: resourceName().optional(),
  StreamARN: streamArn().optional()
})

/** Consumers with enhanced fan-out. They are ACTIVE as soon as they are registered. */
export function consumers(context: WireContext): Operations {
  const { engine, clock } = context
  const tokens = new NextTokens('consumers', context)
  return {
    RegisterStreamConsumer: operation(
      z.object({ StreamARN: streamArn(), ConsumerName: resourceName(), Tags: tagMap().optional() }),
      async (input, { region }) => {
        const stream = streamOf(input)
        const consumer = {
          name: input.ConsumerName,
          createdSeconds: Math.floor(clock.wallMs() / 1000),
          tags: withTags([], input.Tags ?? {}, `consumer ${input.ConsumerName}`)
        }
        await changeSettings(engine, input, (settings) => {
          requireRoomFor(consumer.name, stream, settings.consumers)
          return { ...settings, consumers: [...settings.consumers, consumer] }
        })
        return { Consumer: consumerShape({ stream, consumer }, region) }
      }
    ),

    DescribeStreamConsumer: operation(meantConsumer, (input, { region }) => {
      const found = meant(engine, input)
      return {
        ConsumerDescription: {
          ...consumerShape(found, region),
          StreamARN: streamArnOf(found.stream, region)
        }
      }
    }),

    ListStreamConsumers: operation(
      z.object({
        StreamARN: streamArn(),
        NextToken: nextToken().optional(),
        MaxResults: pageLimit().optional(),
        StreamCreationTimestamp: timestamp().optional()
      }),
      (input, { region }) => {
        const stream = streamOf(input)
        const { settings } = definitionOf(engine, stream)
        requireCreatedAt(stream, settings.createdMs, input.StreamCreationTimestamp)
        const after = input.NextToken === undefined ? '' : (tokens.open(input.NextToken)[0] ?? '')
        const left = settings.consumers
          .filter((one) => one.name > after)
          .sort((a, b) => (a.name < b.name ? -1 : 1))
        const page = left.slice(0, Math.min(input.MaxResults ?? maxPage, maxPage))
        const last = page.at(-1)
        const hasMore = last !== undefined && page.length < left.length
        return {
          Consumers: page.map((consumer) => consumerShape({ stream, consumer }, region)),
          NextToken: hasMore ? tokens.seal([last.name]) : undefined
        }
      }
    ),

    DeregisterStreamConsumer: operation(meantConsumer, async (input) => {
      await changeConsumer(engine, meant(engine, input), () => undefined)
      return undefined
    })
  }
}

function meant(engine: EmbeddedEngine, input: z.output<typeof meantConsumer>): ConsumerOfStream {
  const { ConsumerARN, ConsumerName, StreamARN } = input
  if (ConsumerARN !== undefined) return consumerOf(engine, ConsumerARN)
  if (ConsumerName !== undefined && StreamARN !== undefined) {
    return consumerNamed(engine, streamOf({ StreamARN }), ConsumerName)
  }
  throw new WireError(
    'InvalidArgumentException',
    'ConsumerARN, or both ConsumerName and StreamARN, must be given.'
  )
}

/** `Consumer` of the API. */
function consumerShape(found: ConsumerOfStream, region: string): WireObject {
  return {
    ConsumerName: found.consumer.name,
    ConsumerARN: consumerArnOf(found, region),
    ConsumerStatus: 'ACTIVE',
    ConsumerCreationTimestamp: new Date(found.consumer.createdSeconds * 1000)
  }
}

function requireRoomFor(name: string, stream: string, present: readonly StreamConsumer[]): void {
  if (present.some((one) => one.name === name)) {
    throw new WireError(
      'ResourceInUseException',
      `Consumer ${name} under stream ${stream} already exists for account ${accountId}.`
    )
  }
  if (present.length < accountLimits.consumersOfStream) return
  throw new WireError(
    'LimitExceededException',
    `Stream ${stream} under account ${accountId} has its limit of ${accountLimits.consumersOfStream} consumers.`
  )
}

/** Tells a stream from one of the same name that was there before. */
function requireCreatedAt(stream: string, createdMs: number, at: Date | undefined): void {
  if (at === undefined || Math.floor(at.getTime() / 1000) === Math.floor(createdMs / 1000)) return
  throw new WireError(
    'ResourceNotFoundException',
    `Stream ${stream} under account ${accountId} that was created at ${at.toISOString()} not found.`
  )
}
