import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type ReshardMoment,
  type ShardRow,
  ShardTable
} from '../../../../gateway/engines/embedded/shard-table.ts'
import { scaleUniformly } from '../../../../gateway/engines/embedded/uniform-scaling.ts'
import { shardIdOf } from '../../../../gateway/engines/shard-id.ts'
import { assertTiles, isCode } from '../../../support/engine-calls.ts'

const moment: ReshardMoment = { atIndex: 5, ageMs: 7, wallSeconds: 100 }

test('the open shards are uniform whatever they were, and each comes from one split or merge', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.nat({ max: 1000 }), { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
      (first, splits, targets) => {
        let table = ShardTable.uniform(first, 100)
        for (const pick of splits) {
          const open = table.open()
          const row = open[pick % open.length]
          if (row) table = table.split(shardIdOf(row.index), undefined, moment)
        }
        for (const target of targets) {
          table = scaleUniformly(table, target, moment)
          assertTiles(table.shards())
          assertUniform(table, target)
        }
        for (const row of table.rows) assertDescent(row, table)
      }
    )
  )
})

/** Slices of slices lack the remainders of their divisions. */
function assertUniform(table: ShardTable, count: number): void {
  const open = table.open()
  assert.equal(open.length, count)
  const width = 2 ** 128 / count
  for (const { range } of open) {
    assert.ok(Math.abs(Number(range.end - range.start) / width - 1) < 1e-9)
  }
}

/** A shard has its range from its parents, is younger, and they are closed. */
function assertDescent(row: ShardRow, table: ShardTable): void {
  const parents = row.parents.map((index) => table.require(shardIdOf(index)))
  assert.ok(parents.length <= 2)
  for (const parent of parents) {
    assert.ok(parent.closed && parent.createdSeconds < row.createdSeconds)
  }
  const [low, high] = parents
  if (low && high) {
    assert.deepEqual(row.range, { start: low.range.start, end: high.range.end })
    assert.equal(low.range.end + 1n, high.range.start)
  } else if (low) {
    assert.ok(row.range.start === low.range.start || row.range.end === low.range.end)
  }
}

test('doubling splits each shard once, halving merges each pair once', () => {
  const three = ShardTable.uniform(3, 0)
  const six = scaleUniformly(three, 6, moment)
  assert.equal(six.rows.length, 9)
  const again = scaleUniformly(six, 3, moment)
  assert.equal(again.rows.length, 12)
  assert.deepEqual(
    again.open().map((row) => row.range),
    three.open().map((row) => row.range)
  )
})

test('shards that are uniform already stay as they are', () => {
  const table = ShardTable.uniform(7, 0)
  assert.equal(scaleUniformly(table, 7, moment), table)
})

test('one shard becomes 10,000 with fewer than 20,000 in all, none further than 14 from it', () => {
  const table = scaleUniformly(ShardTable.uniform(1, 100), 10_000, moment)
  assert.equal(table.open().length, 10_000)
  assert.equal(table.rows.length, 19_999)
  const youngest = Math.max(...table.rows.map((row) => row.createdSeconds))
  assert.equal(youngest, 114)
})

test('shards are refused when more of them would be kept than there may be', () => {
  let table = ShardTable.uniform(10_000, 100)
  table = scaleUniformly(table, 1, moment)
  table = scaleUniformly(table, 10_000, moment)
  const full = scaleUniformly(table, 1, moment)
  assert.throws(() => scaleUniformly(full, 10_000, moment), isCode('too_large'))
  assert.equal(full.expire(() => true).rows.length, 1)
})
