import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type DataApi,
  dataApi,
  isError,
  type PlaceAnswer,
  type PutAnswer,
  readFrom,
  texts
} from './data-api.ts'

const mebibyte = 1024 * 1024

function record(text: string, PartitionKey = 'k', more: object = {}): object {
  return { Data: Buffer.from(text).toString('base64'), PartitionKey, ...more }
}

function put({ call }: DataApi, Records: readonly object[]): Promise<PutAnswer> {
  return call<PutAnswer>('PutRecords', { StreamName: 's', Records })
}

test('records land where their keys belong and are answered in their order', async (t) => {
  const api = await dataApi(t, { shards: 4 })
  const keys = ['a', 'k1', 'k2', 'device-0001', 'é']
  const { FailedRecordCount, EncryptionType, Records } = await put(
    api,
    keys.map((key) => record(key, key))
  )
  assert.equal(FailedRecordCount, 0)
  assert.equal(EncryptionType, 'NONE')
  assert.deepEqual(
    Records.map(({ ShardId }) => Number(ShardId?.slice(8))),
    [0, 2, 1, 1, 1]
  )
  const read = await readFrom(api, {
    ShardId: 'shardId-000000000001',
    ShardIteratorType: 'TRIM_HORIZON'
  })
  assert.deepEqual(texts(read), ['k2', 'device-0001', 'é'])
  assert.deepEqual(
    read.Records.map(({ SequenceNumber }) => SequenceNumber),
    Records.slice(2).map(({ SequenceNumber }) => SequenceNumber)
  )
})

test('an explicit hash key decides where a record lands, and must be below 2^128', async (t) => {
  const api = await dataApi(t, { shards: 4 })
  const top = ((1n << 128n) - 1n).toString()
  const { Records } = await put(api, [
    record('a', 'k2', { ExplicitHashKey: '0' }),
    record('b', 'k2', { ExplicitHashKey: top })
  ])
  assert.deepEqual(
    Records.map(({ ShardId }) => Number(ShardId?.slice(8))),
    [0, 3]
  )
  const over = (1n << 128n).toString()
  await assert.rejects(
    put(api, [record('a'), record('b', 'k', { ExplicitHashKey: over })]),
    isError(
      'InvalidArgumentException',
      `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${over}`
    )
  )
})

test('500 small records are stored as one block a shard', async (t) => {
  const api = await dataApi(t, { shards: 4 })
  const records = Array.from({ length: 500 }, (_, i) => record(`value ${i}`, `key ${i}`))
  const { FailedRecordCount } = await put(api, records)
  assert.equal(FailedRecordCount, 0)
  const [stats] = api.engine.stats().streams
  assert.equal(stats?.records, 500)
  assert.equal(stats?.blocks, 4)
})

test('a record that is malformed fails the whole call, and nothing is stored', async (t) => {
  const api = await dataApi(t)
  await assert.rejects(
    put(api, [record('a'), { Data: 'aaaa' }]),
    isError(
      'ValidationException',
      "1 validation error detected: Value null at 'records.2.member.partitionKey' failed to satisfy constraint: Member must not be null"
    )
  )
  await assert.rejects(put(api, []), isError('ValidationException'))
  const many = Array.from({ length: 501 }, () => record('a'))
  await assert.rejects(
    put(api, many),
    isError('ValidationException', /at 'records' .* length less than or equal to 500$/)
  )
  assert.equal(api.engine.stats().streams[0]?.records, 0)
})

test('a record is as large as its stream allows, key included', async (t) => {
  const api = await dataApi(t, { maxRecordBytes: 2 * mebibyte })
  const PartitionKey = 'key'
  const fits = { Data: Buffer.alloc(2 * mebibyte - 3), PartitionKey }
  assert.equal((await put(api, [fits])).FailedRecordCount, 0)
  await assert.rejects(
    put(api, [{ Data: Buffer.alloc(2 * mebibyte - 2), PartitionKey }]),
    isError(
      'ValidationException',
      "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=2097150 cap=2097150]' at 'records.1.member.data' failed to satisfy constraint: Member must have length less than or equal to 2097149"
    )
  )
  await assert.rejects(
    put(api, [{ Data: Buffer.alloc(2 * mebibyte + 1), PartitionKey }]),
    isError('ValidationException', /less than or equal to 2097152$/)
  )
})

test('a call carries at most 10 MiB, keys included', async (t) => {
  const api = await dataApi(t)
  const full = { Data: Buffer.alloc(mebibyte - 1), PartitionKey: 'k' }
  const ten = Array.from({ length: 10 }, () => full)
  assert.equal((await put(api, ten)).FailedRecordCount, 0)
  await assert.rejects(
    put(api, [...ten, record('', 'k')]),
    isError('InvalidArgumentException', 'Records size exceeds 10 MB limit')
  )
})

test('a split while a call is on its way loses no record and keeps their order', async (t) => {
  const api = await dataApi(t)
  const records = Array.from({ length: 100 }, (_, i) => record(`${i}`, `key ${i % 7}`))
  const splitting = api.engine.split('s', 'shardId-000000000000')
  const { FailedRecordCount, Records } = await put(api, records)
  const children = await splitting
  assert.equal(FailedRecordCount, 0)
  assert.ok(Records.every(({ ShardId }) => ShardId !== undefined && children.includes(ShardId)))
  for (const ShardId of children) {
    const read = await readFrom(api, { ShardId, ShardIteratorType: 'TRIM_HORIZON' })
    const numbers = texts(read).map(Number)
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b)
    )
  }
})

test('what the engine does not take is an InternalFailure of its record', async (t) => {
  const api = await dataApi(t)
  const change = api.engine.alter('s', (definition) => ({ ...definition, maxRecordBytes: 5 }))
  const answer = await put(api, [record('long enough'), record('ok')])
  await change
  assert.equal(answer.FailedRecordCount, 1)
  assert.equal(answer.Records[0]?.ErrorCode, 'InternalFailure')
  assert.match(answer.Records[0]?.ErrorMessage ?? '', /12 bytes/)
  assert.ok(answer.Records[1]?.SequenceNumber)
})

test('the encryption of the stream is echoed', async (t) => {
  const api = await dataApi(t)
  await api.engine.alter('s', (one) => ({
    ...one,
    settings: { ...one.settings, keyId: 'alias/k' }
  }))
  assert.equal((await put(api, [record('a')])).EncryptionType, 'KMS')
  const { Records } = await readFrom(api, { ShardIteratorType: 'TRIM_HORIZON' })
  assert.equal(Records[0]?.EncryptionType, 'KMS')
})

test('a dry run says that it would have succeeded, and stores nothing', async (t) => {
  const { engine, call } = await dataApi(t)
  const one = { StreamName: 's', DryRun: true }
  const dry = isError('DryRunOperationException')
  await assert.rejects(call('PutRecords', { ...one, Records: [record('a')] }), dry)
  await assert.rejects(call('PutRecord', { ...one, ...record('a') }), dry)
  assert.equal(engine.stats().streams[0]?.records, 0)
  const missing = { ...one, StreamName: 'other', Records: [record('a')] }
  await assert.rejects(call('PutRecords', missing), isError('ResourceNotFoundException'))
})

test('a single put is answered with its place, and rises above the one before', async (t) => {
  const { call } = await dataApi(t)
  const first = await call<PlaceAnswer>('PutRecord', { StreamName: 's', ...record('a') })
  assert.equal(first.ShardId, 'shardId-000000000000')
  assert.equal(first.EncryptionType, 'NONE')
  const next = await call<PlaceAnswer>('PutRecord', {
    StreamName: 's',
    SequenceNumberForOrdering: first.SequenceNumber,
    ...record('b')
  })
  assert.ok(BigInt(next.SequenceNumber) > BigInt(first.SequenceNumber))
})

test('records stay below the limit of their stream by what is spared', async (t) => {
  const { call } = await dataApi(t, { maxRecordBytes: 10_000, spareBytes: 2000 })
  const put = (bytes: number) =>
    call('PutRecord', { StreamName: 's', PartitionKey: 'k', Data: Buffer.alloc(bytes) })
  await put(7_999)
  await assert.rejects(put(8_000), isError('ValidationException'))
})

test('a single put names its member, and what it is ordered by must be a sequence number', async (t) => {
  const { call } = await dataApi(t, { maxRecordBytes: mebibyte })
  const one = { StreamName: 's', PartitionKey: 'k' }
  await assert.rejects(
    call('PutRecord', { ...one, Data: Buffer.alloc(mebibyte + 1) }),
    isError(
      'ValidationException',
      "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=1048577 cap=1048577]' at 'data' failed to satisfy constraint: Member must have length less than or equal to 1048576"
    )
  )
  await assert.rejects(
    call('PutRecord', { ...one, Data: '', SequenceNumberForOrdering: '5' }),
    isError(
      'InvalidArgumentException',
      'ExclusiveMinimumSequenceNumber 5 used in PutRecord on stream s under account 000000000000 is invalid.'
    )
  )
})
