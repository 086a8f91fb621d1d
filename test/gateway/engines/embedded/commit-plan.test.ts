import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeIndex } from '../../../../gateway/engines/embedded/block.ts'
import { planCommit } from '../../../../gateway/engines/embedded/commit-plan.ts'
import { decodeSequence } from '../../../../gateway/engines/sequence-number.ts'
import type { PutPart, ShardRun } from '../../../../gateway/engines/embedded/shard-run.ts'
import { type ShardRow, ShardTable } from '../../../../gateway/engines/embedded/shard-table.ts'
import { shardIdOf } from '../../../../gateway/engines/shard-id.ts'
import type { PutEntry } from '../../../../gateway/engines/engine.ts'
import { entry, laneHash, shardId } from '../../../support/engine-calls.ts'

const shards = ShardTable.uniform(2, 100).split(shardIdOf(0), undefined, {
  atIndex: 5,
  ageMs: 1,
  wallSeconds: 200
})

function plan(puts: PutPart[][]) {
  const moment = { shards, maxRecordBytes: 2 ** 20, nextIndex: 50, arrivalMs: 300_999, ageMs: 9 }
  return planCommit(puts, moment)
}

/** An entry for the upper shard, which is open. */
function good(data: Buffer | string): PutEntry {
  return entry({ data: Buffer.from(data), shard: shardId(1), hash: laneHash(1, 2) })
}

test('all puts of a commit make one block a shard, in the order of the entries', () => {
  const low = { shard: shardId(2), hash: '7' }
  const { blocks, nextIndex, outcomes } = plan([
    [good('a'), entry({ text: 'x', ...low })],
    [good('b'), entry({ text: 'y', ...low }), good('c')]
  ])
  assert.deepEqual(
    blocks.map(({ block }) => [block.shard, block.first, block.count, block.data.toString()]),
    [
      [1, 50, 3, 'abc'],
      [2, 53, 2, 'xy']
    ]
  )
  assert.equal(nextIndex, 55)
  const sequences = outcomes.flat().map((one) => (one.status === 'stored' ? one.sequence : ''))
  const parts = sequences.map((one) => decodeSequence(one))
  assert.deepEqual(
    parts.map((one) => [one?.shardIndex, one?.index]),
    [
      [1, 50],
      [2, 53],
      [1, 51],
      [2, 54],
      [1, 52]
    ]
  )
  assert.deepEqual(parts[0], {
    shardCreatedSeconds: 100,
    shardIndex: 1,
    index: 50,
    timeSeconds: 300
  })
})

test('a block ends at 1 MiB, unless one record alone is larger', () => {
  const half = Buffer.alloc(600_000)
  const { blocks } = plan([[good(half), good(half), good('small'), good('')]])
  assert.deepEqual(
    blocks.map(({ block }) => block.count),
    [1, 3]
  )
})

/** A run of single letters for the upper shard. */
function run(text: string, more: Partial<ShardRun> = {}): ShardRun {
  const letters = [...text]
  return {
    row: shards.require(shardIdOf(1)),
    keys: letters.map((one) => `k${one}`),
    lens: letters.map(() => 1),
    data: Buffer.from(text),
    largestBytes: 3,
    ...more
  }
}

test('a run stands in the block of its shard with all its records, between those of others', () => {
  const { blocks, nextIndex, outcomes } = plan([
    [good('a'), run('xyz')],
    [run('uv'), good('b')]
  ])
  assert.deepEqual(
    blocks.map(({ block }) => [block.shard, block.first, block.count, block.data.toString()]),
    [[1, 50, 7, 'axyzuvb']]
  )
  const { keys, key } = decodeIndex(blocks[0]?.block.index ?? Buffer.alloc(0))
  const { partitionKey } = good('a')
  assert.deepEqual(
    key?.map((one) => keys[one]),
    [partitionKey, 'kx', 'ky', 'kz', 'ku', 'kv', partitionKey]
  )
  assert.equal(nextIndex, 57)
  const sequences = outcomes.flat().map((one) => (one.status === 'stored' ? one.sequence : ''))
  assert.deepEqual(
    sequences.map((one) => decodeSequence(one)?.index),
    [50, 51, 54, 56]
  )
})

test('a run whose shard has changed, or that holds too large a record, is refused as a whole', () => {
  const row: ShardRow = { ...shards.require(shardIdOf(1)) }
  const { blocks, outcomes } = plan([
    [
      run('changed', { row }),
      run('closed', { row: shards.require(shardIdOf(0)) }),
      run('large', { largestBytes: 2 ** 20 + 1 })
    ]
  ])
  assert.deepEqual(
    outcomes[0]?.map((one) => (one.status === 'failed' ? one.retryable : one.status)),
    ['wrong_shard', 'wrong_shard', false]
  )
  assert.equal(blocks.length, 0)
})

test('a block takes 10,000 records, and a run that would go over them begins the next', () => {
  const letters = 'x'.repeat(4000)
  const { blocks } = plan([[run(letters), run(letters), run(letters)]])
  assert.deepEqual(
    blocks.map(({ block }) => block.count),
    [8000, 4000]
  )
})

test('a single entry, or a single run, is stored without a copy', () => {
  const alone = run('abc')
  assert.equal(plan([[alone]]).blocks[0]?.block.data, alone.data)

  const one = good('bytes')
  assert.equal(plan([[one]]).blocks[0]?.block.data, one.data)
})

test('what cannot be stored gets its reason, takes no number and makes no block', () => {
  const entries = [
    entry({ text: 'closed', shard: shardId(0), hash: '1' }),
    entry({ text: 'unknown', shard: shardId(9), hash: '1' }),
    entry({ text: 'not an id', shard: 'shard-1', hash: '1' }),
    entry({ text: 'outside', shard: shardId(1), hash: '1' }),
    entry({ text: 'no hash', shard: shardId(1), hash: '-1' }),
    entry({ text: 'beyond', shard: shardId(1), hash: (1n << 128n).toString() }),
    good(Buffer.alloc(2 ** 20))
  ]
  const { blocks, nextIndex, outcomes } = plan([entries])
  assert.deepEqual(
    outcomes[0]?.map((one) => (one.status === 'failed' ? one.retryable : one.status)),
    ['wrong_shard', 'wrong_shard', 'wrong_shard', 'wrong_shard', false, false, false]
  )
  assert.equal(blocks.length, 0)
  assert.equal(nextIndex, 50)
})
