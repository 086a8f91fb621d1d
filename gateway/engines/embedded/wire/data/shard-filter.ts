import { z } from 'zod'
import { shardIndexOf } from '../../../shard-id.ts'
import type { ShardRow } from '../../shard-table.ts'
import type { StreamDefinition } from '../../stream-definition.ts'
import { resourceName, timestamp } from '../shapes.ts'
import { WireError } from '../wire-error.ts'

export const shardFilterShape = z.object({
  Type: z.enum([
    'AFTER_SHARD_ID',
    'AT_TRIM_HORIZON',
    'FROM_TRIM_HORIZON',
    'AT_LATEST',
    'AT_TIMESTAMP',
    'FROM_TIMESTAMP'
  ]),
  ShardId: resourceName().optional(),
  Timestamp: timestamp().optional()
})

export type ShardFilter = z.output<typeof shardFilterShape>

type Test = (row: ShardRow) => boolean

/**
 * The shards that a filter lets through, of those within retention, in the order they were made.
 * `ageMs` is the age of the engine. Throws `InvalidArgumentException` when the filter lacks what its
 * type needs.
 */
export function filterShards(
  { shards, retentionMs }: StreamDefinition,
  filter: ShardFilter,
  ageMs: number
): readonly ShardRow[] {
  const retained = shards.rows.filter(
    (row) => !row.closed || ageMs - row.closed.ageMs <= retentionMs
  )
  return retained.filter(testOf(filter, retained))
}

function testOf(filter: ShardFilter, retained: readonly ShardRow[]): Test {
  switch (filter.Type) {
    case 'FROM_TRIM_HORIZON':
      return () => true
    case 'AT_LATEST':
      return (row) => !row.closed
    case 'AFTER_SHARD_ID': {
      const after = indexAfter(filter.ShardId)
      return (row) => row.index > after
    }
    case 'AT_TRIM_HORIZON':
      return isOpenAt(Number.NEGATIVE_INFINITY, retained)
    default: {
      const timeMs = timeOf(filter)
      if (filter.Type === 'AT_TIMESTAMP') return isOpenAt(timeMs, retained)
      const closings = closingsOf(retained)
      return (row) => timeMs < closingOf(row, closings)
    }
  }
}

/** Those that tile the hash space at a time; before the horizon, those at the horizon. */
function isOpenAt(timeMs: number, retained: readonly ShardRow[]): Test {
  const closings = closingsOf(retained)
  const indexes = new Set(retained.map((row) => row.index))
  return (row) => {
    const isFirst = !row.parents.some((parent) => indexes.has(parent))
    return (isFirst || openingMs(row) <= timeMs) && timeMs < closingOf(row, closings)
  }
}

/**
 * When shards were closed, by index: when their children were made. The end of that second, so that
 * no record of the parent arrived later and a reader that begins with the children misses none.
 */
function closingsOf(retained: readonly ShardRow[]): ReadonlyMap<number, number> {
  return new Map(retained.flatMap((row) => row.parents.map((parent) => [parent, openingMs(row)])))
}

function openingMs(row: ShardRow): number {
  return (row.createdSeconds + 1) * 1000
}

function closingOf(row: ShardRow, closings: ReadonlyMap<number, number>): number {
  return (row.closed && closings.get(row.index)) ?? Number.POSITIVE_INFINITY
}

function timeOf({ Type, Timestamp }: ShardFilter): number {
  if (Timestamp) return Timestamp.getTime()
  throw new WireError(
    'InvalidArgumentException',
    `Timestamp must be given in a ShardFilter of type ${Type}.`
  )
}

/** Index that a shard id stands for. Throws `InvalidArgumentException`. */
export function indexAfter(shardId: string | undefined): number {
  const index = shardId === undefined ? undefined : shardIndexOf(shardId)
  if (index !== undefined) return index
  throw new WireError(
    'InvalidArgumentException',
    shardId === undefined
      ? 'ShardId must be given in a ShardFilter of type AFTER_SHARD_ID.'
      : `${shardId} is not the id of a shard.`
  )
}
