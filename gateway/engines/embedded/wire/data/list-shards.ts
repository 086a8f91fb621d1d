import { z } from 'zod'
import { NextTokens } from '../next-token.ts'
import { type Operation, operation, type WireObject } from '../operation.ts'
import { integer, resourceName, streamMembers, timestamp } from '../shapes.ts'
import { definitionOf, streamOf } from '../stream-identity.ts'
import { accountId, type WireContext } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { filterShards, indexAfter, shardFilterShape } from './shard-filter.ts'
import { openListing, sealListing, type ShardListing } from './shard-listing.ts'
import { shardShape } from './shard-shape.ts'

/** Most shards of one answer, whatever `MaxResults` says. */
const pageShards = 1000

/** One takes some 420 bytes. */
const mostAnswerBytes = 512 * 1024

const shape = z.object({
  NextToken: z.string().min(1).max(1_048_576).optional(),
  ExclusiveStartShardId: resourceName().optional(),
  MaxResults: integer(1, 10_000).optional(),
  StreamCreationTimestamp: timestamp().optional(),
  ShardFilter: shardFilterShape.optional(),
  ...streamMembers
})

type Input = z.output<typeof shape>

export function listShards(context: Pick<WireContext, 'engine' | 'clock' | 'random'>): Operation {
  const { engine } = context
  const tokens = new NextTokens('shards', context)
  return operation(shape, run, { mostAnswerBytes })

  function run(input: Input): WireObject {
    if (input.NextToken !== undefined) requireTokenAlone(input)
    const listing =
      input.NextToken === undefined ? begin(input) : openListing(input.NextToken, tokens)
    const { stream, createdMs, after, filter } = listing
    const definition = definitionOf(engine, stream)
    if (definition.settings.createdMs !== createdMs) throw otherStream(stream)
    const filtered = filterShards(definition, filter, engine.stats().ageMs)
    const rows = filtered.filter((row) => row.index > after)
    const page = rows.slice(0, Math.min(input.MaxResults ?? pageShards, pageShards))
    const last = page.at(-1)
    return {
      Shards: page.map(shardShape),
      NextToken:
        last && page.length < rows.length
          ? sealListing({ ...listing, after: last.index }, tokens)
          : undefined
    }
  }

  function begin(input: Input): ShardListing {
    const stream = streamOf(input)
    const { createdMs } = definitionOf(engine, stream).settings
    const wanted = input.StreamCreationTimestamp
    // Timestamps of the API come with seconds.
    if (wanted && seconds(wanted.getTime()) !== seconds(createdMs)) throw otherStream(stream)
    const start = input.ExclusiveStartShardId
    return {
      stream,
      createdMs,
      after: start === undefined ? -1 : indexAfter(start),
      filter: input.ShardFilter ?? { Type: 'FROM_TRIM_HORIZON' }
    }
  }
}

/** A token says all but the size of the page; the KCL gives the ARN beside it. */
function requireTokenAlone(input: Input): void {
  const others = ['StreamName', 'ExclusiveStartShardId', 'StreamCreationTimestamp'] as const
  const other = others.find((name) => input[name] !== undefined)
  if (!other) return
  throw new WireError(
    'InvalidArgumentException',
    `NextToken and ${other} cannot be provided together.`
  )
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}

function otherStream(stream: string): WireError {
  return new WireError(
    'ResourceNotFoundException',
    `Stream ${stream} under account ${accountId} was not created at that time.`
  )
}
