import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ReshardMoment, ShardTable } from '../../../../gateway/engines/embedded/shard-table.ts'
import { shardIdOf } from '../../../../gateway/engines/shard-id.ts'
import {
  decodeDefinition,
  encodeDefinition
} from '../../../../gateway/engines/embedded/stream-definition.ts'
import { newSettings } from '../../../../gateway/engines/embedded/stream-settings.ts'
import { HeadwaterError } from '../../../../shared/errors.ts'
import { assertTiles, hashOf, isCode } from '../../../support/engine-calls.ts'

const moment: ReshardMoment = { atIndex: 5, ageMs: 7, wallSeconds: 100 }

test('four shards have the boundaries of Kinesis and keys fall where it puts them', () => {
  const table = ShardTable.uniform(4, 0)
  const slice = 85070591730234615865843651857942052864n
  assert.deepEqual(
    table.rows.map((row) => row.range.start),
    [0n, slice, 2n * slice, 3n * slice]
  )
  for (const [key, index] of [
    ['a', 0],
    ['k1', 2],
    ['k2', 1],
    ['device-0001', 1],
    ['é', 1]
  ] as const) {
    const hash = BigInt(hashOf(key))
    const row = table.rows.find(({ range }) => range.start <= hash && hash <= range.end)
    assert.equal(row?.index, index, key)
  }
})

test('the last of three shards takes the remainder', () => {
  const [, , last] = ShardTable.uniform(3, 0).rows
  assert.equal(last?.range.end, (1n << 128n) - 1n)
})

const step = fc.record({
  merge: fc.boolean(),
  pick: fc.nat({ max: 1000 }),
  /** Where to split, of 1000; 0: at the middle. */
  at: fc.nat({ max: 999 })
})

test('ranges tile the space, ids are never used again and children are younger, whatever is split and merged', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(step, { maxLength: 40 }),
      (count, steps) => {
        let table = ShardTable.uniform(count, 100)
        for (const one of steps) {
          const before = table
          table = apply(table, one)
          assertTiles(table.shards())
          assert.equal(new Set(table.rows.map((row) => row.index)).size, table.rows.length)
          for (const row of table.rows.slice(before.rows.length)) {
            assert.ok(row.index >= before.nextIndex)
            for (const parent of row.parents) {
              const older = before.rows.find((other) => other.index === parent)
              assert.ok(older && older.createdSeconds < row.createdSeconds)
            }
          }
        }
        const settings = newSettings(1_000)
        const definition = { name: 's', retentionMs: 1, maxRecordBytes: 2, shards: table, settings }
        const read = decodeDefinition(encodeDefinition(definition))
        assert.deepEqual(read.settings, settings)
        assert.deepEqual(read.shards.rows, table.rows)
        assert.equal(read.shards.nextIndex, table.nextIndex)
        assert.equal(read.shards.version, table.version)
      }
    )
  )
})

/** Splits or merges an open shard; a shard that is too small is left as it is. */
function apply(
  table: ShardTable,
  { merge, pick, at }: { merge: boolean; pick: number; at: number }
): ShardTable {
  const open = table.rows
    .filter((row) => !row.closed)
    .toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1))
  const position = pick % open.length
  const row = open[position]
  const neighbour = open[position + 1]
  if (!row) return table
  if (merge && neighbour)
    return table.merge(shardIdOf(row.index), shardIdOf(neighbour.index), moment)
  const size = row.range.end - row.range.start
  const key = at === 0 ? undefined : row.range.start + (size * BigInt(at)) / 1000n
  try {
    return table.split(shardIdOf(row.index), key, moment)
  } catch (thrown) {
    if (thrown instanceof HeadwaterError && thrown.code === 'invalid') return table
    throw thrown
  }
}

test('a split at a bound of the range, or outside, is refused', () => {
  const table = ShardTable.uniform(2, 0)
  const { start, end } = table.rows[1]?.range ?? { start: 0n, end: 0n }
  for (const at of [0n, start, start + 1n, end, end + 1n]) {
    assert.throws(() => table.split(shardIdOf(1), at, moment), isCode('invalid'))
  }
  assertTiles(table.split(shardIdOf(1), start + 2n, moment).shards())
  assertTiles(table.split(shardIdOf(1), end - 1n, moment).shards())
})

test('only closed shards expire, and their indexes stay taken', () => {
  const table = ShardTable.uniform(1, 0).split(shardIdOf(0), undefined, moment)
  const left = table.expire(({ atIndex, ageMs }) => atIndex === 5 && ageMs === 7)
  assert.deepEqual(
    left.rows.map((row) => row.index),
    [1, 2]
  )
  assert.equal(left.nextIndex, 3)
  assert.equal(
    left.expire(() => true),
    left
  )
})
