import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CallRate } from '../../../../gateway/engines/kinesis/call-rate.ts'
import { ReadAhead } from '../../../../gateway/engines/kinesis/read-ahead.ts'
import type { ShardPosition } from '../../../../gateway/engines/engine.ts'
import { readStream } from '../../../../gateway/reading/reader.ts'
import { entry, putAll, shardId, textOf } from '../../../support/engine-calls.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { startedRig } from './setup.ts'

const never = new AbortController().signal
const limit = { maxRecords: 1000, maxBytes: 10_000_000 }

test('reads that follow each other go on with one iterator', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  let from: ShardPosition = { at: 'start' }
  const texts: string[] = []
  for (let i = 0; i < 4; i++) {
    await putAll(engine, [entry({ text: `${i}` })])
    const result = await engine.read('s', shardId(0), { ...limit, from })
    texts.push(...result.records.map(textOf))
    assert.ok(result.next)
    from = result.next
  }
  assert.deepEqual(texts, ['0', '1', '2', '3'])
  assert.equal(kinesis.count('GetShardIterator'), 1)
})

test('what was put into the children of a shard that was split unseen is read at once', async (t) => {
  const { store, engine } = await startedRig(t)
  await putAll(engine, [entry({ text: 'parent' })])
  await store.split('s', shardId(0))
  await putAll(store, [entry({ text: 'child' })])
  const texts: string[] = []
  const options = { stream: 's', from: 'start', follow: false, signal: never } as const
  for await (const batch of readStream(engine, options)) {
    texts.push(...batch.map(({ data }) => data.toString()))
  }
  assert.deepEqual(texts, ['parent', 'child'])
})

test('an iterator that has expired is replaced behind the last record, without gap or repeat', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  await putAll(engine, [entry({ text: 'a' })])
  const first = await engine.read('s', shardId(0), { ...limit, from: { at: 'start' } })
  assert.ok(first.next)
  await putAll(engine, [entry({ text: 'b' })])
  let expired = false
  kinesis.trouble = (operation) => {
    if (operation !== 'GetRecords' || expired) return undefined
    expired = true
    return { status: 400, type: 'ExpiredIteratorException', message: 'Iterator expired.' }
  }
  const second = await engine.read('s', shardId(0), { ...limit, from: first.next })
  assert.deepEqual(second.records.map(textOf), ['b'])
  assert.equal(kinesis.count('GetShardIterator'), 2)
})

test('what a call brought over maxBytes is given by the next reads without a call', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  await putAll(
    engine,
    ['aaa', 'bbb', 'ccc'].map((text) => entry({ text }))
  )
  let from: ShardPosition | undefined = { at: 'start' }
  const texts: string[] = []
  for (let i = 0; i < 3 && from; i++) {
    const result = await engine.read('s', shardId(0), { from, maxRecords: 10, maxBytes: 4 })
    assert.equal(result.behindMs > 0, i < 2)
    texts.push(result.records.map(textOf).join())
    from = result.next
  }
  assert.deepEqual(texts, ['aaa', 'bbb', 'ccc'])
  assert.equal(kinesis.count('GetRecords'), 1)
})

test('a read that other readers leave no throughput for gives nothing and is behind', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  await putAll(engine, [entry({ text: 'a' })])
  const type = 'ProvisionedThroughputExceededException'
  kinesis.trouble = (operation) =>
    operation === 'GetRecords' ? { status: 400, type, message: 'Rate exceeded' } : undefined
  const from = { at: 'start' } as const
  const result = await engine.read('s', shardId(0), { ...limit, from })
  assert.deepEqual([result.records, result.next], [[], from])
  assert.ok(result.behindMs > 0)
  kinesis.trouble = () => undefined
  const again = await engine.read('s', shardId(0), { ...limit, from })
  assert.deepEqual(again.records.map(textOf), ['a'])
})

test('a reader at the end loses nothing of what comes, also when its iterator is lost', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  const { next } = await engine.read('s', shardId(0), { ...limit, from: { at: 'end' } })
  assert.ok(next)
  await putAll(engine, [entry({ text: 'a' })])
  let expired = false
  kinesis.trouble = (operation) => {
    if (operation !== 'GetRecords' || expired) return undefined
    expired = true
    return { status: 400, type: 'ExpiredIteratorException', message: 'Iterator expired.' }
  }
  const { records } = await engine.read('s', shardId(0), { ...limit, from: next })
  assert.deepEqual(records.map(textOf), ['a'])
})

test('what is put while the first reads at the end are throttled is found', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  const type = 'ProvisionedThroughputExceededException'
  kinesis.trouble = (operation) =>
    operation === 'GetRecords' ? { status: 400, type, message: 'Rate exceeded' } : undefined
  await putAll(engine, [entry({ text: 'old' })])
  const first = await engine.read('s', shardId(0), { ...limit, from: { at: 'end' } })
  assert.ok(first.next && first.behindMs > 0)
  await putAll(engine, [entry({ text: 'a' })])
  const second = await engine.read('s', shardId(0), { ...limit, from: first.next })
  assert.deepEqual(second.next, first.next)
  kinesis.trouble = () => undefined
  const { records } = await engine.read('s', shardId(0), { ...limit, from: first.next })
  assert.deepEqual(records.map(textOf), ['a'])
  assert.equal(kinesis.count('GetShardIterator'), 1)
})

test('a reader at the end that gets no iterator stays where it is', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  const type = 'ProvisionedThroughputExceededException'
  kinesis.trouble = (operation) =>
    operation === 'GetShardIterator' ? { status: 400, type, message: 'Rate exceeded' } : undefined
  const { next } = await engine.read('s', shardId(0), { ...limit, from: { at: 'end' } })
  assert.ok(next)
  await putAll(engine, [entry({ text: 'a' })])
  kinesis.trouble = () => undefined
  const { records } = await engine.read('s', shardId(0), { ...limit, from: next })
  assert.deepEqual(records.map(textOf), ['a'])
})

test('an answer that is not one of the service does not end a shard', async (t) => {
  const { kinesis, engine } = await startedRig(t)
  await putAll(engine, [entry({ text: 'old' })])
  const { next } = await engine.read('s', shardId(0), { ...limit, from: { at: 'end' } })
  assert.ok(next)
  await putAll(engine, [entry({ text: 'a' })])
  kinesis.trouble = () => ({ status: 200, type: 'none', message: '' })
  const read = () => engine.read('s', shardId(0), { ...limit, from: next })
  await assert.rejects(read(), { code: 'transport', message: /GetRecords "s\/.*Records/ })
  kinesis.trouble = () => undefined
  assert.deepEqual((await read()).records.map(textOf), ['a'])
  assert.equal(kinesis.count('GetShardIterator'), 1)
})

test('an answer without its list is no empty list', async (t) => {
  const { kinesis, store, engine } = await startedRig(t)
  await store.create('other', { shards: 1 })
  for (const empty of ['ListStreams', 'ListShards', 'DescribeStreamSummary']) {
    kinesis.trouble = (operation) =>
      operation === empty ? { status: 200, type: 'none', message: '' } : undefined
    const asked = empty === 'ListStreams' ? engine.streams() : engine.describe('other')
    await assert.rejects(asked, { code: 'transport', message: new RegExp(empty) })
  }
})

test('each shard is called five times at once, and then five times a second', async () => {
  const clock = new ManualClock()
  const rate = new CallRate(clock, 5)
  let turns = 0
  for (let i = 0; i < 12; i++) void rate.turn('one').then(() => (turns += 1))
  await clock.advance(0)
  assert.equal(turns, 5)
  await rate.turn('other')
  await clock.advance(1000)
  assert.equal(turns, 10)
  await clock.advance(1000)
  assert.equal(turns, 12)
})

test('kept reads are bounded by count and bytes, the oldest going first', () => {
  const record = { sequence: '1', partitionKey: 'k', data: Buffer.alloc(10), arrivalMs: 0 }
  const kept = { records: [record], iterator: 'i', behindMs: 0, fetchedAtMs: 0 }
  const position = (n: number): ShardPosition => ({ at: 'after', sequence: `${n}` })
  const byCount = new ReadAhead({ count: 2, bytes: 1000, maxAgeMs: 1000 })
  const byBytes = new ReadAhead({ count: 9, bytes: 25, maxAgeMs: 1000 })
  for (const ahead of [byCount, byBytes]) {
    for (const n of [1, 2, 3]) ahead.keep('shard', position(n), kept)
    const found = [1, 2, 3].map((n) => ahead.take('shard', position(n), 0) !== undefined)
    assert.deepEqual(found, [false, true, true])
    assert.equal(ahead.take('shard', position(2), 0), undefined, 'each is used once')
  }
})
