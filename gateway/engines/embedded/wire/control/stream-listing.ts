import { z } from 'zod'
import { shardIndexOf } from '../../../shard-id.ts'
import type { StreamDefinition } from '../../stream-definition.ts'
import { shardShape } from '../data/shard-shape.ts'
import { NextTokens } from '../next-token.ts'
import { type Operations, operation } from '../operation.ts'
import { resourceName, streamMembers } from '../shapes.ts'
import { definitionOf, streamOf } from '../stream-identity.ts'
import type { WireContext } from '../wire-context.ts'
import { nextToken, pageLimit } from './control-shapes.ts'
import { noShard } from './shard-errors.ts'
import { streamDescriptionSummary, streamFacts, streamSummary } from './stream-shape.ts'

/** What a page has at most, whatever is asked for. */
const maxPage = 100

/** `DescribeStream`, `DescribeStreamSummary` and `ListStreams`. */
export function streamListing(context: WireContext): Operations {
  const { engine } = context
  const tokens = new NextTokens('streams', context)
  return {
    DescribeStream: operation(
      z.object({
        ...streamMembers,
        Limit: pageLimit().optional(),
        ExclusiveStartShardId: resourceName().optional()
      }),
      (input, { region }) => {
        const definition = definitionOf(engine, streamOf(input))
        const rows = rowsAfter(definition, input.ExclusiveStartShardId)
        const page = rows.slice(0, Math.min(input.Limit ?? maxPage, maxPage))
        return {
          StreamDescription: {
            ...streamFacts(definition, region),
            Shards: page.map(shardShape),
            HasMoreShards: page.length < rows.length
          }
        }
      }
    ),

    DescribeStreamSummary: operation(z.object(streamMembers), (input, { region }) => {
      const definition = definitionOf(engine, streamOf(input))
      return { StreamDescriptionSummary: streamDescriptionSummary(definition, region) }
    }),

    ListStreams: operation(
      z.object({
        Limit: pageLimit().optional(),
        ExclusiveStartStreamName: resourceName().optional(),
        NextToken: nextToken().optional()
      }),
      async ({ Limit, ExclusiveStartStreamName, NextToken }, { region }) => {
        const [after = ''] =
          NextToken === undefined ? [ExclusiveStartStreamName] : tokens.open(NextToken)
        const names = (await engine.streams()).filter((name) => name > after)
        const page = names.slice(0, Math.min(Limit ?? maxPage, maxPage))
        const last = page.at(-1)
        const hasMore = last !== undefined && page.length < names.length
        return {
          StreamNames: page,
          HasMoreStreams: hasMore,
          NextToken: hasMore ? tokens.seal([last]) : undefined,
          StreamSummaries: page.map((name) => streamSummary(engine.definition(name), region))
        }
      }
    )
  }
}

function rowsAfter(definition: StreamDefinition, shard: string | undefined) {
  const { rows } = definition.shards
  if (shard === undefined) return rows
  const index = shardIndexOf(shard)
  if (index === undefined) throw noShard(shard, definition.name)
  return rows.filter((row) => row.index > index)
}
