import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DataApi, dataApi, isError, type PutAnswer, type RecordsAnswer } from './data-api.ts'

const mebibyte = 1024 * 1024
const shard = { StreamName: 's', ShardId: 'shardId-000000000000' }
const exceeded = isError(
  'ProvisionedThroughputExceededException',
  'Rate exceeded for shard shardId-000000000000 in stream s under account 000000000000.'
)

function records(count: number, bytes: number, ExplicitHashKey = '0'): object[] {
  const Data = Buffer.alloc(bytes - 1)
  return Array.from({ length: count }, () => ({ Data, PartitionKey: 'k', ExplicitHashKey }))
}

async function put({ call }: DataApi, list: readonly object[]): Promise<PutAnswer> {
  return call<PutAnswer>('PutRecords', { StreamName: 's', Records: list })
}

async function iterator({ call }: DataApi): Promise<unknown> {
  const answer = await call('GetShardIterator', { ...shard, ShardIteratorType: 'TRIM_HORIZON' })
  return answer['ShardIterator']
}

test('a shard takes 1,000 records a second, and others are not touched', async (t) => {
  const api = await dataApi(t, { shards: 2, limits: 'kinesis' })
  assert.equal((await put(api, records(500, 10))).FailedRecordCount, 0)
  assert.equal((await put(api, records(400, 10))).FailedRecordCount, 0)
  const over = await put(api, [...records(150, 10), ...records(50, 10, String(1n << 127n))])
  assert.equal(over.FailedRecordCount, 50)
  over.Records.forEach(({ ErrorCode, ErrorMessage, SequenceNumber }, at) => {
    const isOver = at >= 100 && at < 150
    assert.equal(ErrorCode, isOver ? 'ProvisionedThroughputExceededException' : undefined)
    assert.equal(SequenceNumber === undefined, isOver)
    if (isOver) assert.match(ErrorMessage ?? '', /^Rate exceeded for shard shardId-000000000000 in/)
  })
  await api.clock.advance(100)
  assert.equal((await put(api, records(101, 10))).FailedRecordCount, 1)
})

test('a shard takes 1 MiB a second, keys included', async (t) => {
  const api = await dataApi(t, { limits: 'kinesis' })
  assert.equal((await put(api, records(5, mebibyte / 4))).FailedRecordCount, 1)
  const one = { StreamName: 's', Data: Buffer.alloc(0), PartitionKey: 'k' }
  await assert.rejects(api.call('PutRecord', one), exceeded)
  await api.clock.advance(1000)
  await api.call('PutRecord', one)
})

test('a record of 10 MiB goes through a rested shard and stops it for 10 seconds', async (t) => {
  const api = await dataApi(t, { limits: 'kinesis', maxRecordBytes: 10 * mebibyte })
  assert.equal((await put(api, records(1, 10 * mebibyte))).FailedRecordCount, 0)
  await api.clock.advance(9900)
  assert.equal((await put(api, records(1, 10))).FailedRecordCount, 1)
  await api.clock.advance(100)
  assert.equal((await put(api, records(1, 10))).FailedRecordCount, 0)
})

test('a shard is read 5 times a second', async (t) => {
  const api = await dataApi(t, { limits: 'kinesis' })
  const ShardIterator = await iterator(api)
  for (let i = 0; i < 5; i++) await api.call('GetRecords', { ShardIterator })
  await assert.rejects(api.call('GetRecords', { ShardIterator }), exceeded)
  await api.clock.advance(200)
  await api.call('GetRecords', { ShardIterator })
})

test('a shard gives 5 iterators a second', async (t) => {
  const api = await dataApi(t, { limits: 'kinesis' })
  for (let i = 0; i < 5; i++) await iterator(api)
  await assert.rejects(iterator(api), exceeded)
  await api.clock.advance(200)
  await iterator(api)
})

test('an answer of 10 MiB stops the next 5 seconds, one just over the limit the next one', async (t) => {
  const api = await dataApi(t, { limits: 'kinesis' })
  for (let i = 0; i < 11; i++) {
    assert.equal((await put(api, records(4, mebibyte / 4))).FailedRecordCount, 0)
    await api.clock.advance(1000)
  }
  const ShardIterator = await iterator(api)
  const first = await api.call<RecordsAnswer>('GetRecords', { ShardIterator })
  assert.equal(first.Records.length, 40)
  await api.clock.advance(4900)
  await assert.rejects(api.call('GetRecords', { ShardIterator }), exceeded)
  await api.clock.advance(100)
  const small = await api.call<RecordsAnswer>('GetRecords', { ShardIterator, Limit: 9 })
  assert.equal(small.Records.length, 9)
  await api.clock.advance(1000)
  await assert.rejects(api.call('GetRecords', { ShardIterator, Limit: 1 }), exceeded)
  await api.clock.advance(200)
  await api.call('GetRecords', { ShardIterator, Limit: 1 })
})

test('without limits nothing is throttled', async (t) => {
  const api = await dataApi(t)
  for (let i = 0; i < 4; i++) assert.equal((await put(api, records(500, 10))).FailedRecordCount, 0)
  const ShardIterator = await iterator(api)
  for (let i = 0; i < 10; i++) await api.call('GetRecords', { ShardIterator })
})
