import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shardId } from '../../../../../support/engine-calls.ts'
import { controlPlane, refused, streamArn } from './control-plane.ts'

test('streams are listed page by page, by name or by token, each once', async (t) => {
  const { call } = await controlPlane(t)
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) await call('CreateStream', { StreamName: name, ShardCount: 1 })
  const byToken: unknown[] = []
  const byName: unknown[] = []
  let page = await call('ListStreams', { Limit: 2 })
  byToken.push(page['StreamNames'])
  while (page['NextToken'] !== undefined) {
    assert.equal(page['HasMoreStreams'], true)
    page = await call('ListStreams', { Limit: 2, NextToken: page['NextToken'] })
    byToken.push(page['StreamNames'])
  }
  assert.equal(page['HasMoreStreams'], false)
  for (const after of ['b', 'd', 'e']) {
    const next = await call('ListStreams', { Limit: 2, ExclusiveStartStreamName: after })
    byName.push(next['StreamNames'])
  }
  assert.deepEqual(byToken, [['a', 'b'], ['c', 'd'], ['e']])
  assert.deepEqual(byName, [['c', 'd'], ['e'], []])
})

test('a list of streams says what each is', async (t) => {
  const { call, clock } = await controlPlane(t)
  await call('CreateStream', { StreamName: 'a', ShardCount: 1 })
  const { StreamSummaries } = await call('ListStreams')
  assert.deepEqual(StreamSummaries, [
    {
      StreamName: 'a',
      StreamARN: streamArn('a'),
      StreamStatus: 'ACTIVE',
      StreamModeDetails: { StreamMode: 'PROVISIONED' },
      StreamCreationTimestamp: new Date(clock.wallMs())
    }
  ])
})

test('a token is good for 300 seconds, and for the list it came from', async (t) => {
  const { call, clock } = await controlPlane(t)
  for (const name of ['a', 'b']) await call('CreateStream', { StreamName: name, ShardCount: 1 })
  const { NextToken } = await call('ListStreams', { Limit: 1 })
  await assert.rejects(
    call('ListStreamConsumers', { StreamARN: streamArn('a'), NextToken }),
    refused('InvalidArgumentException')
  )
  await clock.advance(300_001)
  await assert.rejects(call('ListStreams', { NextToken }), refused('ExpiredNextTokenException'))
})

test('the shards of a stream are described page by page, closed ones with their parents and ends', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 2 })
  await engine.merge('s', shardId(0), shardId(1))
  const first = await describe({ Limit: 2 })
  assert.equal(first.HasMoreShards, true)
  assert.deepEqual(first.ids, [shardId(0), shardId(1)])
  assert.ok(first.shards.every((shard) => shard.SequenceNumberRange.EndingSequenceNumber))
  const rest = await describe({ ExclusiveStartShardId: shardId(1) })
  assert.equal(rest.HasMoreShards, false)
  assert.deepEqual(rest.ids, [shardId(2)])
  const [child] = rest.shards
  assert.equal(child?.ParentShardId, shardId(0))
  assert.equal(child.AdjacentParentShardId, shardId(1))
  assert.equal(child.SequenceNumberRange.EndingSequenceNumber, undefined)

  async function describe(input: { Limit?: number; ExclusiveStartShardId?: string }) {
    const { StreamDescription } = await call('DescribeStream', { StreamName: 's', ...input })
    const { Shards: shards, HasMoreShards } = StreamDescription as unknown as {
      Shards: ShardShape[]
      HasMoreShards: boolean
    }
    return { shards, ids: shards.map((shard) => shard.ShardId), HasMoreShards }
  }
})

interface ShardShape {
  readonly ShardId: string
  readonly ParentShardId?: string
  readonly AdjacentParentShardId?: string
  readonly SequenceNumberRange: { readonly EndingSequenceNumber?: string }
}

test('a page has at most 100 shards, whatever is asked for', async (t) => {
  const { call, engine } = await controlPlane(t)
  await engine.create('s', { shards: 130 })
  for (const limit of [{}, { Limit: 10_000 }]) {
    const { StreamDescription } = await call('DescribeStream', { StreamName: 's', ...limit })
    const { Shards, HasMoreShards } = StreamDescription as unknown as {
      Shards: unknown[]
      HasMoreShards: boolean
    }
    assert.deepEqual([Shards.length, HasMoreShards], [100, true])
  }
})

test('a stream that the gateway made itself is described like any other', async (t) => {
  const { call, engine, clock } = await controlPlane(t)
  await engine.create('own', { shards: 1, retentionMs: 90 * 60_000, maxRecordBytes: 100_000 })
  const { StreamDescriptionSummary: summary } = await call('DescribeStreamSummary', {
    StreamARN: streamArn('own')
  })
  const { RetentionPeriodHours, MaxRecordSizeInKiB, StreamCreationTimestamp, StreamModeDetails } =
    summary as Record<string, unknown>
  assert.deepEqual(
    { RetentionPeriodHours, MaxRecordSizeInKiB, StreamCreationTimestamp, StreamModeDetails },
    {
      RetentionPeriodHours: 2,
      MaxRecordSizeInKiB: 98,
      StreamCreationTimestamp: new Date(clock.wallMs()),
      StreamModeDetails: { StreamMode: 'PROVISIONED' }
    }
  )
})
