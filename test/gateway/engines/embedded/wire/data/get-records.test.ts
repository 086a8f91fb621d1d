import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../../../support/manual-clock.ts'
import { tempDir } from '../../../../../support/temp-dir.ts'
import { runningEngine } from '../../running-engine.ts'
import {
  caller,
  type DataApi,
  dataApi,
  isError,
  type PlaceAnswer,
  readFrom,
  type RecordsAnswer,
  texts
} from './data-api.ts'

const shard = { StreamName: 's', ShardId: 'shardId-000000000000' }

async function put({ call }: DataApi, ...values: string[]): Promise<string[]> {
  const sequences: string[] = []
  for (const value of values) {
    const Data = Buffer.from(value)
    const answer = await call<PlaceAnswer>('PutRecord', {
      StreamName: 's',
      Data,
      PartitionKey: 'k'
    })
    sequences.push(answer.SequenceNumber)
  }
  return sequences
}

function goOn({ call }: DataApi, { NextShardIterator }: RecordsAnswer): Promise<RecordsAnswer> {
  return call<RecordsAnswer>('GetRecords', { ShardIterator: NextShardIterator })
}

test('a reader begins where its type says', async (t) => {
  const api = await dataApi(t)
  const [, b] = await put(api, 'a', 'b')
  await api.clock.advance(5000)
  const Timestamp = api.clock.wallMs() / 1000
  await put(api, 'c')
  const read = async (place: object) => texts(await readFrom(api, place))
  assert.deepEqual(await read({ ShardIteratorType: 'TRIM_HORIZON' }), ['a', 'b', 'c'])
  assert.deepEqual(await read({ ShardIteratorType: 'LATEST' }), [])
  const from = { StartingSequenceNumber: b }
  assert.deepEqual(await read({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', ...from }), ['b', 'c'])
  assert.deepEqual(await read({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', ...from }), ['c'])
  const time = { ShardIteratorType: 'AT_TIMESTAMP' }
  assert.deepEqual(await read({ ...time, Timestamp }), ['c'])
  assert.deepEqual(await read({ ...time, Timestamp: Timestamp - 1e6 }), ['a', 'b', 'c'])
})

test('LATEST is behind the newest record of the time when the iterator was asked for', async (t) => {
  const api = await dataApi(t)
  await put(api, 'a')
  const { ShardIterator } = await api.call('GetShardIterator', {
    ...shard,
    ShardIteratorType: 'LATEST'
  })
  await put(api, 'b')
  const read = await api.call<RecordsAnswer>('GetRecords', { ShardIterator })
  assert.deepEqual(texts(read), ['b'])
  assert.equal(read.MillisBehindLatest, 0)
  const [record] = read.Records
  assert.equal(record?.PartitionKey, 'k')
  assert.deepEqual(record?.ApproximateArrivalTimestamp, new Date(api.clock.wallMs()))
})

test('a call gives at most Limit records and tells how far behind it is', async (t) => {
  const api = await dataApi(t)
  await put(api, 'a', 'b')
  await api.clock.advance(3000)
  await put(api, 'c')
  const { ShardIterator } = await api.call('GetShardIterator', {
    ...shard,
    ShardIteratorType: 'TRIM_HORIZON'
  })
  const first = await api.call<RecordsAnswer>('GetRecords', { ShardIterator, Limit: 2 })
  assert.deepEqual(texts(first), ['a', 'b'])
  assert.equal(first.MillisBehindLatest, 3000)
  const second = await goOn(api, first)
  assert.deepEqual(texts(second), ['c'])
  const third = await goOn(api, second)
  assert.deepEqual(texts(third), [])
  assert.equal(third.MillisBehindLatest, 0)
  await put(api, 'd')
  assert.deepEqual(texts(await goOn(api, third)), ['d'])
  for (const Limit of [0, 10_001]) {
    await assert.rejects(
      api.call('GetRecords', { ShardIterator, Limit }),
      isError('ValidationException', /at 'limit'/)
    )
  }
})

test('a call gives at most 10 MiB', async (t) => {
  const api = await dataApi(t)
  const Records = Array.from({ length: 5 }, () => ({
    Data: Buffer.alloc(1024 * 1024 - 1),
    PartitionKey: 'k'
  }))
  for (let i = 0; i < 3; i++) await api.call('PutRecords', { StreamName: 's', Records })
  const first = await readFrom(api, { ShardIteratorType: 'TRIM_HORIZON' })
  assert.equal(first.Records.length, 10)
  const second = await goOn(api, first)
  assert.equal(second.Records.length, 5)
})

test('a closed shard ends with its children, once it is read to its end', async (t) => {
  const api = await dataApi(t)
  await put(api, 'a', 'b')
  const children = await api.engine.split('s', 'shardId-000000000000')
  const { ShardIterator } = await api.call('GetShardIterator', {
    ...shard,
    ShardIteratorType: 'TRIM_HORIZON'
  })
  const first = await api.call<RecordsAnswer>('GetRecords', { ShardIterator, Limit: 1 })
  assert.deepEqual(texts(first), ['a'])
  assert.equal(first.ChildShards, undefined)
  const last = await goOn(api, first)
  assert.deepEqual(texts(last), ['b'])
  assert.equal(last.NextShardIterator, undefined)
  assert.deepEqual(
    last.ChildShards?.map(({ ShardId }) => ShardId),
    children
  )
  const latest = await readFrom(api, { ShardIteratorType: 'LATEST' })
  assert.deepEqual(texts(latest), [])
  assert.equal(latest.NextShardIterator, undefined)
  assert.equal(latest.ChildShards?.length, 2)
})

test('a child names both shards that it was merged of', async (t) => {
  const api = await dataApi(t, { shards: 2 })
  const parents = ['shardId-000000000000', 'shardId-000000000001']
  const ShardId = await api.engine.merge('s', ...(parents as [string, string]))
  const { ChildShards } = await readFrom(api, { ShardIteratorType: 'TRIM_HORIZON' })
  assert.deepEqual(ChildShards, [
    {
      ShardId,
      ParentShards: parents,
      HashKeyRange: { StartingHashKey: '0', EndingHashKey: String((1n << 128n) - 1n) }
    }
  ])
})

test('an iterator that does not go together with its sequence number or time is refused', async (t) => {
  const api = await dataApi(t, { shards: 2 })
  const [sequence = ''] = await put(api, 'a')
  const other = await api.call<PlaceAnswer>('PutRecord', {
    StreamName: 's',
    Data: '',
    PartitionKey: 'k',
    ExplicitHashKey: '1'
  })
  assert.notEqual(other.ShardId, 'shardId-000000000001')
  const later = String(BigInt(sequence) + (1n << 148n))
  const cases: readonly (readonly [place: object, text: RegExp])[] = [
    [{ ShardIteratorType: 'LATEST', StartingSequenceNumber: sequence }, /LATEST and also a Start/],
    [
      { ShardIteratorType: 'AT_TIMESTAMP', StartingSequenceNumber: sequence },
      /TIMESTAMP and also a/
    ],
    [{ ShardIteratorType: 'AT_SEQUENCE_NUMBER' }, /AT_SEQUENCE_NUMBER and no StartingSequence/],
    [{ ShardIteratorType: 'AT_TIMESTAMP' }, /Current request has no timestamp parameter/],
    [
      { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: api.clock.wallMs() / 1000 + 1 },
      /^The timestampMillis parameter cannot be greater/
    ],
    [{ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: '7' }, /is invalid\.$/],
    [
      { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: other.SequenceNumber },
      /^Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was used in a call to a shard with shardId-000000000001$/
    ],
    [
      { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: later },
      /because it did not come from this stream\.$/
    ]
  ]
  for (const [place, text] of cases) {
    await assert.rejects(
      readFrom(api, { ...place, ShardId: 'shardId-000000000001' }),
      isError('InvalidArgumentException', text)
    )
  }
})

test('an iterator expires after 5 minutes, with its stream, and with the life of the server', async (t) => {
  const api = await dataApi(t)
  const { ShardIterator } = await api.call('GetShardIterator', {
    ...shard,
    ShardIteratorType: 'TRIM_HORIZON'
  })
  const other = caller({ engine: api.engine, clock: api.clock, limits: 'none' })
  const expired = isError('ExpiredIteratorException', /^Iterator expired\./)
  await assert.rejects(other('GetRecords', { ShardIterator }), expired)
  await api.clock.advance(2000)
  await api.engine.delete('s')
  const gone = isError('ResourceNotFoundException')
  await assert.rejects(api.call('GetRecords', { ShardIterator }), gone)
  await api.engine.create('s', { shards: 1 })
  await assert.rejects(api.call('GetRecords', { ShardIterator }), gone)
  await api.clock.advance(300_000)
  await assert.rejects(api.call('GetRecords', { ShardIterator }), expired)
})

test('an ARN beside an iterator must name its stream', async (t) => {
  const api = await dataApi(t)
  const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/s'
  const { ShardIterator } = await api.call('GetShardIterator', {
    StreamARN,
    ShardId: shard.ShardId,
    ShardIteratorType: 'TRIM_HORIZON'
  })
  await api.call('GetRecords', { ShardIterator, StreamARN })
  await assert.rejects(
    api.call('GetRecords', { ShardIterator, StreamARN: `${StreamARN}2` }),
    isError('InvalidArgumentException')
  )
})

test('a dry run reads nothing', async (t) => {
  const { call } = await dataApi(t)
  const input = { ...shard, ShardIteratorType: 'TRIM_HORIZON' }
  const dry = isError('DryRunOperationException')
  await assert.rejects(call('GetShardIterator', { ...input, DryRun: true }), dry)
  const { ShardIterator } = await call('GetShardIterator', input)
  await assert.rejects(call('GetRecords', { ShardIterator, DryRun: true }), dry)
})

test('a sequence number is good for an iterator after a restart', async (t) => {
  const directory = await tempDir(t)
  const engine = await runningEngine(t, directory)

  const clock = new ManualClock()
  await engine.create('s', { shards: 1 })
  const api = { engine, clock, call: caller({ engine, clock, limits: 'none' }) }
  const [first] = await put(api, 'a', 'b')
  await engine.stop(new AbortController().signal)
  const next = await runningEngine(t, directory)
  const call = caller({ engine: next, clock, limits: 'none' })
  const read = await readFrom(
    { call },
    { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: first }
  )
  assert.deepEqual(texts(read), ['b'])
})
