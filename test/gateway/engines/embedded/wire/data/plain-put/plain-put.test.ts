import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataApi, readFrom, texts } from '../data-api.ts'

function record(text: string, PartitionKey = 'k'): object {
  return { Data: Buffer.from(text).toString('base64'), PartitionKey }
}

function body(...Records: readonly object[]): object {
  return { StreamName: 's', Records }
}

test('records that go the short way are stored and answered as by the ordinary way', async (t) => {
  const { call, putPlain, engine } = await dataApi(t, { shards: 4 })
  const records = Array.from({ length: 500 }, (_, i) => record(`value ${i}`, `key ${i % 90}`))
  const short = await putPlain(body(...records))
  const ordinary = await call('PutRecords', body(...records))
  const places = (answer: unknown) =>
    Object(answer).Records.map((one: { ShardId: string }) => one.ShardId)
  assert.deepEqual(places(short), places(ordinary))
  assert.deepEqual({ ...short, Records: 0 }, { ...ordinary, Records: 0 })
  for (const ShardId of new Set(places(short))) {
    const read = await readFrom({ call }, { ShardId, ShardIteratorType: 'TRIM_HORIZON' })
    const mine = records.map((_, i) => i).filter((i) => short?.Records[i]?.ShardId === ShardId)
    const sent = mine.map((i) => `value ${i}`)
    assert.deepEqual(texts(read), [...sent, ...sent])
    assert.deepEqual(
      read.Records.slice(0, mine.length).map((one) => [one.PartitionKey, one.SequenceNumber]),
      mine.map((i) => [`key ${i % 90}`, short?.Records[i]?.SequenceNumber])
    )
  }
  assert.equal(engine.stats().streams[0]?.records, 1000)
  assert.equal(engine.stats().streams[0]?.blocks, 8)
})

test('the short way leaves to the ordinary one what is not good, and where single records count', async (t) => {
  const { putPlain, engine } = await dataApi(t, { maxRecordBytes: 100_000 })
  assert.equal(await putPlain({ ...body(record('a')), StreamName: 'absent' }), undefined)
  assert.equal(await putPlain({ Records: [record('a')] }), undefined)
  assert.equal(await putPlain(body(record('a'), record('x'.repeat(100_000)))), undefined)
  assert.equal(engine.stats().streams[0]?.records, 0)
  const limited = await dataApi(t, { limits: 'kinesis' })
  assert.equal(await limited.putPlain(body(record('a'))), undefined)
})

test('a split while records are on the short way loses none and keeps their order', async (t) => {
  const { call, putPlain, engine } = await dataApi(t)
  const splitting = engine.split('s', 'shardId-000000000000')
  const records = Array.from({ length: 100 }, (_, i) => record(`${i}`, `key ${i % 7}`))
  const answer = await putPlain(body(...records))
  const children = await splitting
  assert.equal(answer?.FailedRecordCount, 0)
  let count = 0
  for (const ShardId of children) {
    const read = await readFrom({ call }, { ShardId, ShardIteratorType: 'TRIM_HORIZON' })
    const numbers = texts(read).map(Number)
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b)
    )
    for (const [i, number] of numbers.entries()) {
      assert.deepEqual(
        [answer?.Records[number]?.ShardId, answer?.Records[number]?.SequenceNumber],
        [ShardId, read.Records[i]?.SequenceNumber]
      )
    }
    count += numbers.length
  }
  assert.equal(count, 100)
})

test('a split of one shard leaves the runs of the others as they were stored', async (t) => {
  const { call, putPlain, engine } = await dataApi(t, { shards: 2 })
  const splitting = engine.split('s', 'shardId-000000000001')
  const records = Array.from({ length: 40 }, (_, i) => record(`${i}`, `key ${i}`))
  const answer = await putPlain(body(...records))
  const [left = '', right = ''] = await splitting
  assert.equal(answer?.FailedRecordCount, 0)
  const seen = new Map<string, string | undefined>()
  for (const ShardId of ['shardId-000000000000', left, right]) {
    const read = await readFrom({ call }, { ShardId, ShardIteratorType: 'TRIM_HORIZON' })
    texts(read).forEach((text, i) => seen.set(text, read.Records[i]?.SequenceNumber))
  }
  assert.deepEqual(
    records.map((_, i) => seen.get(`${i}`)),
    answer?.Records.map((one) => one.SequenceNumber)
  )
})

for (const shards of [3, 16, 17, 40]) {
  test(`a call for ${shards} shards is stored in all of them`, async (t) => {
    const { call, putPlain } = await dataApi(t, { shards })
    const width = (1n << 128n) / BigInt(shards)
    const records = Array.from({ length: shards }, (_, i) => ({
      ...record(`${i}`),
      ExplicitHashKey: String(width * BigInt(i))
    }))
    const answer = await putPlain(body(...records))
    const places = answer?.Records.map((one) => one.ShardId) ?? []
    assert.equal(new Set(places).size, shards)
    for (const [i, ShardId] of places.entries()) {
      const read = await readFrom({ call }, { ShardId, ShardIteratorType: 'TRIM_HORIZON' })
      assert.deepEqual(texts(read), [`${i}`])
    }
  })
}

test('what nobody waits for any more is not stored', async (t) => {
  const { engine, putPlain } = await dataApi(t)
  await assert.rejects(putPlain(body(record('a')), { isOver: true }), { code: 'unavailable' })
  assert.equal(engine.stats().streams[0]?.records, 0)
})

test('what the engine does not take of the short way is an InternalFailure of its record', async (t) => {
  const { putPlain, engine } = await dataApi(t)
  const change = engine.alter('s', (definition) => ({ ...definition, maxRecordBytes: 5 }))
  const answer = await putPlain(body(record('long enough'), record('ok')))
  await change
  assert.equal(answer?.FailedRecordCount, 1)
  assert.equal(answer?.Records[0]?.ErrorCode, 'InternalFailure')
  assert.ok(answer?.Records[1]?.SequenceNumber)
})
