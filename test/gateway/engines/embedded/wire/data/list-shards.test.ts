import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DataApi, dataApi, isError, type PlaceAnswer } from './data-api.ts'

interface ShardsAnswer {
  readonly Shards: readonly {
    readonly ShardId: string
    readonly ParentShardId?: string
    readonly AdjacentParentShardId?: string
    readonly HashKeyRange: { readonly StartingHashKey: string; readonly EndingHashKey: string }
    readonly SequenceNumberRange: {
      readonly StartingSequenceNumber: string
      readonly EndingSequenceNumber?: string
    }
  }[]
  readonly NextToken?: string
}

const hour = 3_600_000

function id(index: number): string {
  return `shardId-${String(index).padStart(12, '0')}`
}

async function list({ call }: DataApi, input: object = {}): Promise<number[]> {
  const { Shards } = await call<ShardsAnswer>('ListShards', { StreamName: 's', ...input })
  return Shards.map(({ ShardId }) => Number(ShardId.slice(8)))
}

function filtered(api: DataApi, Type: string, more: object = {}): Promise<number[]> {
  return list(api, { ShardFilter: { Type, ...more } })
}

test('a shard is told with its parents, its range and where it ended', async (t) => {
  const api = await dataApi(t, { shards: 2 })
  const put = await api.call<PlaceAnswer>('PutRecord', {
    StreamName: 's',
    Data: '',
    PartitionKey: 'k',
    ExplicitHashKey: '0'
  })
  await api.engine.merge('s', id(0), id(1))
  await api.engine.split('s', id(2))
  const { Shards } = await api.call<ShardsAnswer>('ListShards', { StreamName: 's' })
  const [first, second, merged, low, high] = Shards
  assert.ok(first && second && merged && low && high)
  const top = (1n << 128n) - 1n
  const middle = 1n << 127n
  assert.deepEqual(first.HashKeyRange, {
    StartingHashKey: '0',
    EndingHashKey: String(middle - 1n)
  })
  assert.deepEqual([first.ParentShardId, first.AdjacentParentShardId], [undefined, undefined])
  assert.deepEqual([merged.ParentShardId, merged.AdjacentParentShardId], [id(0), id(1)])
  assert.deepEqual([high.ParentShardId, high.AdjacentParentShardId], [id(2), undefined])
  assert.deepEqual(high.HashKeyRange, {
    StartingHashKey: String(middle),
    EndingHashKey: String(top)
  })
  const { StartingSequenceNumber, EndingSequenceNumber } = first.SequenceNumberRange
  const sequence = BigInt(put.SequenceNumber)
  assert.ok(BigInt(StartingSequenceNumber) <= sequence)
  assert.ok(BigInt(EndingSequenceNumber ?? 0) >= sequence)
  assert.ok(
    BigInt(merged.SequenceNumberRange.StartingSequenceNumber) > BigInt(EndingSequenceNumber ?? 0)
  )
  assert.equal(low.SequenceNumberRange.EndingSequenceNumber, undefined)
})

test('filters give the shards of their time, and before the horizon those at the horizon', async (t) => {
  const api = await dataApi(t)
  const { clock, engine } = api
  const start = clock.wallMs()
  await clock.advance(hour)
  await engine.split('s', id(0))
  await clock.advance(hour)
  await engine.split('s', id(1))
  await clock.advance(hour)
  assert.deepEqual(await list(api), [0, 1, 2, 3, 4])
  assert.deepEqual(await filtered(api, 'FROM_TRIM_HORIZON'), [0, 1, 2, 3, 4])
  assert.deepEqual(await filtered(api, 'AT_TRIM_HORIZON'), [0])
  assert.deepEqual(await filtered(api, 'AT_LATEST'), [2, 3, 4])
  assert.deepEqual(await filtered(api, 'AFTER_SHARD_ID', { ShardId: id(2) }), [3, 4])
  const at = (ms: number) => ({ Timestamp: (start + ms) / 1000 })
  assert.deepEqual(await filtered(api, 'AT_TIMESTAMP', at(-hour)), [0])
  assert.deepEqual(await filtered(api, 'AT_TIMESTAMP', at(hour / 2)), [0])
  assert.deepEqual(await filtered(api, 'AT_TIMESTAMP', at(1.5 * hour)), [1, 2])
  assert.deepEqual(await filtered(api, 'AT_TIMESTAMP', at(2.5 * hour)), [2, 3, 4])
  assert.deepEqual(await filtered(api, 'FROM_TIMESTAMP', at(-hour)), [0, 1, 2, 3, 4])
  assert.deepEqual(await filtered(api, 'FROM_TIMESTAMP', at(1.5 * hour)), [1, 2, 3, 4])
  assert.deepEqual(await filtered(api, 'FROM_TIMESTAMP', at(2.5 * hour)), [2, 3, 4])
})

test('a record that came in the second of a split is in a shard at that time', async (t) => {
  const api = await dataApi(t)
  await api.clock.advance(hour + 300)
  const Timestamp = api.clock.wallMs() / 1000
  await api.clock.advance(100)
  await api.call('PutRecord', { StreamName: 's', Data: '', PartitionKey: 'k' })
  await api.clock.advance(100)
  await api.engine.split('s', id(0))
  assert.deepEqual(await filtered(api, 'AT_TIMESTAMP', { Timestamp }), [0])
})

test('shards that were closed before the horizon are in no list', async (t) => {
  const api = await dataApi(t)
  await api.clock.advance(hour)
  await api.engine.split('s', id(0))
  await api.clock.advance(24 * hour + 1)
  assert.deepEqual(await list(api), [1, 2])
  assert.deepEqual(await filtered(api, 'AT_TRIM_HORIZON'), [1, 2])
  const Timestamp = (api.clock.wallMs() - 24.5 * hour) / 1000
  assert.deepEqual(await filtered(api, 'AT_TIMESTAMP', { Timestamp }), [1, 2])
})

test('pages go on where the one before ended, with its filter, whatever happens between', async (t) => {
  const api = await dataApi(t, { shards: 5 })
  await api.engine.split('s', id(1))
  const input = { StreamName: 's', MaxResults: 2, ShardFilter: { Type: 'AT_LATEST' } }
  let page = await api.call<ShardsAnswer>('ListShards', input)
  const seen = [...page.Shards]
  await api.engine.split('s', id(4))
  while (page.NextToken !== undefined) {
    page = await api.call<ShardsAnswer>('ListShards', { NextToken: page.NextToken, MaxResults: 2 })
    seen.push(...page.Shards)
  }
  assert.deepEqual(
    seen.map(({ ShardId }) => Number(ShardId.slice(8))),
    [0, 2, 3, 5, 6, 7, 8]
  )
})

test('a page has at most 1000 shards', async (t) => {
  const { call } = await dataApi(t, { shards: 1001 })
  const first = await call<ShardsAnswer>('ListShards', { StreamName: 's', MaxResults: 10_000 })
  assert.equal(first.Shards.length, 1000)
  const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/s'
  const last = await call<ShardsAnswer>('ListShards', { StreamARN, NextToken: first.NextToken })
  assert.deepEqual(
    last.Shards.map(({ ShardId }) => ShardId),
    [id(1000)]
  )
  assert.equal(last.NextToken, undefined)
})

test('a token lives for 300 seconds, says the stream by itself, and is not for one made anew', async (t) => {
  const api = await dataApi(t, { shards: 2 })
  const first = await api.call<ShardsAnswer>('ListShards', { StreamName: 's', MaxResults: 1 })
  const { NextToken } = first
  await assert.rejects(
    api.call('ListShards', { NextToken, StreamName: 's' }),
    isError('InvalidArgumentException', 'NextToken and StreamName cannot be provided together.')
  )
  await assert.rejects(
    api.call('ListShards', { NextToken: 'x' }),
    isError('InvalidArgumentException')
  )
  await api.clock.advance(2000)
  await api.engine.delete('s')
  await api.engine.create('s', { shards: 2 })
  await assert.rejects(api.call('ListShards', { NextToken }), isError('ResourceNotFoundException'))
  await api.clock.advance(300_000)
  await assert.rejects(api.call('ListShards', { NextToken }), isError('ExpiredNextTokenException'))
})

test('an exclusive start and the time of creation are respected', async (t) => {
  const api = await dataApi(t, { shards: 3 })
  assert.deepEqual(await list(api, { ExclusiveStartShardId: id(0) }), [1, 2])
  assert.deepEqual(await list(api, { ExclusiveStartShardId: id(7) }), [])
  await assert.rejects(
    list(api, { ExclusiveStartShardId: 'x' }),
    isError('InvalidArgumentException')
  )
  const created = api.clock.wallMs() / 1000
  assert.deepEqual(await list(api, { StreamCreationTimestamp: created }), [0, 1, 2])
  await assert.rejects(
    list(api, { StreamCreationTimestamp: created - 1 }),
    isError('ResourceNotFoundException')
  )
})

test('a filter that lacks what its type needs is refused', async (t) => {
  const api = await dataApi(t)
  for (const Type of ['AFTER_SHARD_ID', 'AT_TIMESTAMP', 'FROM_TIMESTAMP']) {
    await assert.rejects(filtered(api, Type), isError('InvalidArgumentException', /must be given/))
  }
  await assert.rejects(filtered(api, 'OTHER'), isError('ValidationException', /'shardFilter.type'/))
})
