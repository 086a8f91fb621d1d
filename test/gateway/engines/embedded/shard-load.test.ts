import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlannedBlock } from '../../../../gateway/engines/embedded/commit-plan.ts'
import { ShardLoad, splitHot } from '../../../../gateway/engines/embedded/shard-load.ts'
import { type ReshardMoment, ShardTable } from '../../../../gateway/engines/embedded/shard-table.ts'

const moment: ReshardMoment = { atIndex: 5, ageMs: 7, wallSeconds: 100 }

/** After how many seconds shard 3 is hot when it takes so much in ten commits a second. */
function hotAfter(bytesPerSecond: number, seconds: number): number | undefined {
  const load = new ShardLoad()
  const block = blockOf(3, bytesPerSecond / 10)
  for (let tick = 0; tick <= seconds * 10; tick++) {
    const hot = load.add([block], tick * 100)
    if (hot.length === 0) continue
    assert.deepEqual(hot, [3])
    return tick / 10
  }
  return undefined
}

function blockOf(shard: number, bytes: number): PlannedBlock {
  const none = Buffer.alloc(0)
  const place = { first: 0, shard, count: 1, arrivalMs: 0, ageMs: 0 }
  const block = { ...place, index: none, data: Buffer.alloc(bytes), crc: 0, marks: none }
  return { block, marks: new Map() }
}

test('a shard that takes 500 KB/s is never hot', () => {
  assert.equal(hotAfter(490_000, 3600), undefined)
})

test('a shard that takes more on average is hot within a few minutes', () => {
  const seconds = hotAfter(600_000, 3600) ?? 0
  assert.ok(seconds > 30 && seconds < 300, `${seconds}`)
})

test('a shard at 1 MiB/s is hot after three seconds, and not after a burst of two', () => {
  assert.equal(hotAfter(1_100_000, 10), 3)
  assert.equal(hotAfter(1_100_000, 2), undefined)
})

test('a shard that was full is not hot when it is silent in between', () => {
  const load = new ShardLoad()
  const block = blockOf(0, 2_000_000)
  for (let minute = 0; minute < 60; minute++) {
    assert.deepEqual(load.add([block], minute * 60_000), [])
  }
})

test('a hot shard is split at the middle, a closed one not at all', () => {
  const table = splitHot(ShardTable.uniform(2, 0), [1], moment)
  assert.deepEqual(
    table.open().map((row) => row.index),
    [0, 2, 3]
  )
  assert.equal(splitHot(table, [1], moment), table)
})

test('splitting ends where a shard is hot because of one key', () => {
  let table = ShardTable.uniform(1, 0)
  let splits = 0
  for (let before; before !== table; splits++) {
    before = table
    table = splitHot(table, [table.open()[0]?.index ?? 0], moment)
  }
  assert.ok(splits < 20, `${splits}`)
})

test('there are never more open shards than a stream may have', () => {
  const table = ShardTable.uniform(9_999, 0)
  const more = splitHot(table, [5, 6, 7], moment)
  assert.equal(more.open().length, 10_000)
  assert.equal(splitHot(more, [8], moment), more)
})
