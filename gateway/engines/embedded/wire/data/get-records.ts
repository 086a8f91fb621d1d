import { z } from 'zod'
import type { ReadResult } from '../../../engine.ts'
import { shardIdOf } from '../../../shard-id.ts'
import type { EmbeddedEngine } from '../../embedded-engine.ts'
import type { ShardRow } from '../../shard-table.ts'
import type { StreamDefinition } from '../../stream-definition.ts'
import { type Operation, operation, type WireObject } from '../operation.ts'
import { integer, streamArn } from '../shapes.ts'
import { definitionOf, shardOf, streamOf } from '../stream-identity.ts'
import { WireError } from '../wire-error.ts'
import { dryRunMember, endDryRun } from './dry-run.ts'
import { encryptionType } from './encryption-type.ts'
import { recordShape } from './record-shape.ts'
import type { IteratorPlace, ShardIterators } from './shard-iterators.ts'
import type { ShardLimits } from './shard-limits.ts'
import { childShards } from './shard-shape.ts'

const maxRecords = 10_000
const maxBytes = 10 * 1024 * 1024

/** The data takes 14 MiB in base64; the rest is for the keys and numbers of 10,000 records. */
const mostAnswerBytes = 24 * 1024 * 1024

const shape = z.object({
  ShardIterator: z.string().min(1).max(512),
  Limit: integer(1, maxRecords).optional(),
  StreamARN: streamArn().optional(),
  ...dryRunMember
})

export function getRecords(
  engine: EmbeddedEngine,
  iterators: ShardIterators,
  limits: ShardLimits | undefined
): Operation {
  return operation(shape, run, { mostAnswerBytes })

  async function run(input: z.output<typeof shape>): Promise<WireObject> {
    const place = iterators.open(input.ShardIterator)
    const { stream } = place
    streamOf({ StreamName: stream, StreamARN: input.StreamARN })
    const { definition, row } = locate(place)
    limits?.requireRead(row, stream)
    endDryRun(input)
    const read = await engine.read(stream, shardIdOf(row.index), {
      from: place.position,
      maxRecords: input.Limit ?? maxRecords,
      maxBytes
    })
    limits?.countRead(row, bytesOf(read))
    const encryption = encryptionType(definition.settings)
    return {
      Records: read.records.map((record) => recordShape(record, encryption)),
      MillisBehindLatest: read.behindMs,
      ...following(place, read, row)
    }
  }

  function locate(place: IteratorPlace): { definition: StreamDefinition; row: ShardRow } {
    const definition = definitionOf(engine, place.stream)
    if (definition.settings.createdMs !== place.createdMs) {
      throw new WireError(
        'ResourceNotFoundException',
        `The stream ${place.stream} was made again since this iterator was; get another one.`
      )
    }
    return { definition, row: shardOf(definition, shardIdOf(place.shardIndex)) }
  }

  function following(place: IteratorPlace, { next }: ReadResult, row: ShardRow): WireObject {
    if (next) return { NextShardIterator: iterators.seal({ ...place, position: next }) }
    return { ChildShards: childShards(row, definitionOf(engine, place.stream).shards) }
  }
}

function bytesOf({ records }: ReadResult): number {
  let bytes = 0
  for (const { data } of records) bytes += data.length
  return bytes
}
