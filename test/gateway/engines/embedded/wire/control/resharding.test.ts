import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertTiles,
  entry,
  putAll,
  readTexts,
  shardId
} from '../../../../../support/engine-calls.ts'
import { controlPlane, refused, streamArn, summaryOf } from './control-plane.ts'

const half = (1n << 127n).toString()

test('a shard is split where it is asked for', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  await call('SplitShard', { StreamName: 's', ShardToSplit: shardId(0), NewStartingHashKey: half })
  const { shards } = await engine.describe('s')
  assert.equal(shards[2]?.range.start.toString(), half)
  await assert.rejects(
    call('SplitShard', { StreamName: 's', ShardToSplit: shardId(0), NewStartingHashKey: half }),
    refused('ResourceInUseException', /already been merged or split/)
  )
})

test('what cannot be split is refused in the words of the service', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 1 })
  const split = (shard: string, key: string) =>
    call('SplitShard', { StreamName: 's', ShardToSplit: shard, NewStartingHashKey: key })
  await assert.rejects(
    split(shardId(5), half),
    refused(
      'ResourceNotFoundException',
      'Could not find shard shardId-000000000005 in stream s under account 000000000000.'
    )
  )
  for (const key of ['0', '1', (2n ** 128n - 1n).toString(), '9'.repeat(39)]) {
    await assert.rejects(
      split(shardId(0), key),
      refused('InvalidArgumentException', /is not both greater than one plus/)
    )
  }
  await assert.rejects(split(shardId(0), '01'), refused('ValidationException'))
  assert.equal((await engine.describe('s')).shards.length, 1)
})

test('neighbours are merged, in any order, and others are not', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 3 })
  const merge = (one: number, other: number) =>
    call('MergeShards', {
      StreamName: 's',
      ShardToMerge: shardId(one),
      AdjacentShardToMerge: shardId(other)
    })
  await assert.rejects(merge(0, 2), refused('InvalidArgumentException', /not an adjacent pair/))
  await assert.rejects(merge(1, 1), refused('InvalidArgumentException', /not an adjacent pair/))
  await assert.rejects(merge(0, 7), refused('ResourceNotFoundException'))
  await merge(1, 0)
  assert.deepEqual((await engine.describe('s')).shards[3]?.parents, [shardId(1), shardId(0)])
})

test('UpdateShardCount reaches any count, and what was written before is read from the old shards', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 2 })
  await putAll(engine, [entry({ text: 'before' })])
  for (const count of [5, 3, 50, 1, 2]) {
    const current = (await summaryOf(call, 's'))['OpenShardCount']
    const answer = await call('UpdateShardCount', {
      StreamName: 's',
      TargetShardCount: count,
      ScalingType: 'UNIFORM_SCALING'
    })
    assert.deepEqual(answer, {
      StreamName: 's',
      StreamARN: streamArn('s'),
      CurrentShardCount: current,
      TargetShardCount: count
    })
    const { shards } = await engine.describe('s')
    assertTiles(shards)
    assert.equal(shards.filter((shard) => shard.open).length, count)
  }
  assert.deepEqual(await readTexts(engine, shardId(0)), ['before'])
  const { shards } = await engine.describe('s')
  const open = shards.find((shard) => shard.open && shard.range.start === 0n)
  await putAll(engine, [entry({ text: 'after', shard: open?.id ?? '' })])
  assert.deepEqual(await readTexts(engine, open?.id ?? ''), ['after'])
})

test('with the limits of Kinesis a count at most doubles and at most halves', async (t) => {
  const { call, engine, clock } = await controlPlane(t, { limits: 'kinesis' })
  await engine.create('s', { shards: 4 })
  const update = (count: number) =>
    call('UpdateShardCount', {
      StreamName: 's',
      TargetShardCount: count,
      ScalingType: 'UNIFORM_SCALING'
    })
  await assert.rejects(update(9), refused('LimitExceededException', /over double/))
  await assert.rejects(update(1), refused('LimitExceededException', /below half/))
  await update(8)
  await clock.advance(1000)
  await update(4)
})

test('the shards of an on-demand stream are not the clients to set', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 2, settings: { mode: 'ON_DEMAND' } })
  const message = 'Request is invalid. Stream s under account 000000000000 is in On-Demand mode.'
  const calls = [
    call('SplitShard', { StreamName: 's', ShardToSplit: shardId(0), NewStartingHashKey: '99' }),
    call('MergeShards', {
      StreamName: 's',
      ShardToMerge: shardId(0),
      AdjacentShardToMerge: shardId(1)
    }),
    call('UpdateShardCount', {
      StreamName: 's',
      TargetShardCount: 4,
      ScalingType: 'UNIFORM_SCALING'
    })
  ]
  for (const one of calls) await assert.rejects(one, refused('ValidationException', message))
})

test('the account has at most 20,000 open shards', async (t) => {
  const { call, engine } = await controlPlane(t)
  for (const name of ['a', 'b']) await engine.create(name, { shards: 10_000 })
  await assert.rejects(
    call('CreateStream', { StreamName: 'c', ShardCount: 1 }),
    refused('LimitExceededException', /shard limit for the account 000000000000 in eu-test-1/)
  )
  const range = 2n ** 128n / 10_000n
  await assert.rejects(
    call('SplitShard', {
      StreamName: 'a',
      ShardToSplit: shardId(0),
      NewStartingHashKey: (range / 2n).toString()
    }),
    refused('LimitExceededException')
  )
})
