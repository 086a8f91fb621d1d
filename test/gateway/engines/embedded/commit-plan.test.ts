import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planCommit } from '../../../../gateway/engines/embedded/commit-plan.ts'
import { decodeSequence } from '../../../../gateway/engines/sequence-number.ts'
import { ShardTable } from '../../../../gateway/engines/embedded/shard-table.ts'
import { shardIdOf } from '../../../../gateway/engines/shard-id.ts'
import type { PutEntry } from '../../../../gateway/engines/engine.ts'
import { entry, laneHash, shardId } from '../../../support/engine-calls.ts'

const shards = ShardTable.uniform(2, 100).split(shardIdOf(0), undefined, {
  atIndex: 5,
  ageMs: 1,
  wallSeconds: 200
})

function plan(puts: PutEntry[][]) {
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

test('a single entry is stored without a copy', () => {
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
