import { z } from 'zod'
import type { ShardPosition } from '../../../engine.ts'
import { shardIdOf } from '../../../shard-id.ts'
import type { ShardRow } from '../../shard-table.ts'
import { type Operation, operation } from '../operation.ts'
import { resourceName, sequenceNumber, streamMembers, timestamp } from '../shapes.ts'
import { definitionOf, shardOf, streamOf } from '../stream-identity.ts'
import type { WireContext } from '../wire-context.ts'
import { dryRunMember, endDryRun } from './dry-run.ts'
import type { ShardIterators } from './shard-iterators.ts'
import type { ShardLimits } from './shard-limits.ts'
import { positionTypes, startingPosition } from './starting-position.ts'

const shape = z.object({
  ShardId: resourceName(),
  ShardIteratorType: z.enum(positionTypes),
  StartingSequenceNumber: sequenceNumber().optional(),
  Timestamp: timestamp().optional(),
  ...streamMembers,
  ...dryRunMember
})

export function getShardIterator(
  { engine, clock }: Pick<WireContext, 'engine' | 'clock'>,
  iterators: ShardIterators,
  limits: ShardLimits | undefined
): Operation {
  return operation(shape, async (input) => {
    const stream = streamOf(input)
    const definition = definitionOf(engine, stream)
    const row = shardOf(definition, input.ShardId)
    const wanted = startingPosition(
      {
        type: input.ShardIteratorType,
        sequence: input.StartingSequenceNumber,
        time: input.Timestamp
      },
      { row, stream, nowMs: clock.wallMs() }
    )
    limits?.requireIterator(row, stream)
    endDryRun(input)
    const position = wanted.at === 'end' ? await latest(stream, row) : wanted
    return {
      ShardIterator: iterators.seal({
        stream,
        createdMs: definition.settings.createdMs,
        shardIndex: row.index,
        position
      })
    }
  })

  /** The end of a shard as it is now. That of a closed one does not move. */
  async function latest(stream: string, row: ShardRow): Promise<ShardPosition> {
    const end = { at: 'end' } as const
    const range = { from: end, maxRecords: 1, maxBytes: 0 }
    const { next } = await engine.read(stream, shardIdOf(row.index), range)
    return next ?? end
  }
}
