import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type ReaderOptions, readStream, type UserRecord } from '../../../gateway/reading/reader.ts'
import { StreamReader } from '../../../gateway/reading/stream-reader.ts'
import { entry, hashOf, isCode, laneHash, putAll, shardId } from '../../support/engine-calls.ts'
import { onceEpochHead } from '../../../shared/kpl/kpl.ts'
import { aggregateOf, type Member, sourceOf } from '../../support/aggregates.ts'
import { FakeEngine } from '../../support/fake-engine.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const never = new AbortController().signal
const device = sourceOf('d')

async function setup(shards: number): Promise<{ engine: FakeEngine; clock: ManualClock }> {
  const clock = new ManualClock()
  const engine = new FakeEngine({ clock, random: new SeededRandom(1) })
  await engine.create('s', { shards })
  return { engine, clock }
}

function options(parts: Partial<ReaderOptions> = {}): ReaderOptions {
  return { stream: 's', from: 'start', follow: false, signal: never, ...parts }
}

async function readAll(
  engine: FakeEngine,
  parts: Partial<ReaderOptions> = {}
): Promise<UserRecord[]> {
  const all: UserRecord[] = []
  for await (const batch of readStream(engine, options(parts))) all.push(...batch)
  return all
}

async function readTexts(
  engine: FakeEngine,
  parts: Partial<ReaderOptions> = {}
): Promise<string[]> {
  return (await readAll(engine, parts)).map((one) => one.data.toString())
}

function member(seq: number, parts: Partial<Member> = {}): Member {
  return { source: device, seq, partitionKey: 'k', text: String(seq), ...parts }
}

/** Follows the stream until the test ends; `texts` grows as records arrive. */
function following(t: TestContext, engine: FakeEngine, parts: Partial<ReaderOptions> = {}) {
  const control = new AbortController()
  const texts: string[] = []
  const ended = (async () => {
    const batches = readStream(engine, options({ follow: true, signal: control.signal, ...parts }))
    for await (const batch of batches) texts.push(...batch.map((one) => one.data.toString()))
  })()
  t.after(async () => {
    control.abort()
    await ended.catch(() => undefined)
  })
  return { texts, ended, control }
}

test('a member of an aggregate comes out with all that it went in with', async () => {
  const { engine } = await setup(1)
  const attributes = { unit: 'C' }
  const data = aggregateOf([member(7, { partitionKey: 'é', time: 99, attributes }), member(8)])
  const [sequence] = await putAll(engine, [entry({ data })])
  const [first, second] = await readAll(engine)
  const arrivalMs = 1_700_000_000_000
  const shared = {
    stream: 's',
    shard: shardId(0),
    sequence,
    arrivalMs,
    device: 'd',
    epoch: '0'.repeat(32),
    lane: 0,
    aggregated: true
  }
  assert.deepEqual(first, {
    ...shared,
    subSequence: 0,
    partitionKey: 'é',
    time: 99,
    seq: 7,
    attributes,
    data: Buffer.from('7')
  })
  assert.equal(second?.subSequence, 1)
  assert.equal(second?.seq, 8)
})

test('a record that is no aggregate is one record with its time of arrival', async () => {
  const { engine } = await setup(1)
  await putAll(engine, [entry({ text: 'plain', partitionKey: 'p' })])
  const [record] = await readAll(engine)
  assert.equal(record?.partitionKey, 'p')
  assert.equal(record?.time, 1_700_000_000_000)
  assert.equal(record?.subSequence, 0)
  assert.equal(record?.device, undefined)
})

test('an aggregate of the KPL gives its members, of which none is taken for a repeat', async () => {
  const { engine } = await setup(1)
  const vector =
    'f3899ac20a026b310a026b321a0908001a0568656c6c6f1a0908011a05776f726c64c4b234c121650f4512d22bf67dca9de2'
  const data = Buffer.from(vector, 'hex')
  await putAll(engine, [entry({ data }), entry({ data })])
  const records = await readAll(engine)
  assert.deepEqual(
    records.map((one) => [one.partitionKey, one.data.toString(), one.subSequence]),
    [
      ['k1', 'hello', 0],
      ['k2', 'world', 1],
      ['k1', 'hello', 0],
      ['k2', 'world', 1]
    ]
  )
})

test('an aggregate that is damaged is one record as it is', async () => {
  const { engine } = await setup(1)
  const data = aggregateOf([member(1)])
  data[10] = (data[10] ?? 0) ^ 1
  await putAll(engine, [entry({ data })])
  const records = await readAll(engine)
  assert.equal(records.length, 1)
  assert.ok(records[0]?.data.equals(data))
})

test('repeats are dropped by source: device, epoch and lane each count for themselves', async () => {
  const { engine } = await setup(1)
  const others = [sourceOf('e'), sourceOf('d', 1), { ...device, lane: 1 as const }]
  await putAll(engine, [
    entry({ data: aggregateOf([member(1), member(2)]) }),
    entry({ data: aggregateOf([member(2), member(3), member(1)]) }),
    entry({
      data: aggregateOf(others.map((source, i) => member(1, { source, text: `other ${i}` })))
    })
  ])
  assert.deepEqual(await readTexts(engine), ['1', '2', '3', 'other 0', 'other 1', 'other 2'])
})

test('reading ends at the limit, in the middle of an aggregate if need be', async () => {
  const { engine } = await setup(1)
  const data = aggregateOf([member(1), member(2), member(3)])
  await putAll(engine, [entry({ data })])
  assert.deepEqual(await readTexts(engine, { limit: 2 }), ['1', '2'])
  assert.deepEqual(await readTexts(engine, { limit: 2, follow: true }), ['1', '2'])
})

test('a reader begins at the end, at a time, at a sequence number', async (t) => {
  const { engine, clock } = await setup(2)
  const other = { shard: shardId(1), hash: laneHash(1, 2) }
  await putAll(engine, [entry({ text: 'a0' }), entry({ text: 'b0', ...other })])
  await clock.advance(5000)
  const [, sequence = ''] = await putAll(engine, [entry({ text: 'a1' }), entry({ text: 'a2' })])
  await putAll(engine, [entry({ text: 'b1', ...other })])
  const tail = following(t, engine, { from: 'end' })
  await settle()
  await putAll(engine, [entry({ text: 'a3' })])
  await settle()
  assert.deepEqual(tail.texts, ['a3'])
  const timeMs = 1_700_000_000_000 + 1
  assert.deepEqual(await readTexts(engine, { from: { timeMs } }), ['a1', 'a2', 'a3', 'b1'])
  // The other shard begins at the second of that record.
  assert.deepEqual(await readTexts(engine, { from: { sequence } }), ['a2', 'a3', 'b1'])
  assert.deepEqual(await readTexts(engine, { from: { sequence }, shard: shardId(0) }), ['a2', 'a3'])
  await assert.rejects(readTexts(engine, { from: { sequence: '123' } }), isCode('invalid'))
})

test('one shard is read alone, and only if it exists', async () => {
  const { engine } = await setup(2)
  await putAll(engine, [entry({ text: 'a' }), entry({ text: 'b', hash: laneHash(1, 2) })])
  assert.deepEqual(await readTexts(engine, { shard: shardId(1) }), ['b'])
  await assert.rejects(readTexts(engine, { shard: shardId(7) }), isCode('not_found'))
  await engine.split('s', shardId(1))
  assert.deepEqual(await readTexts(engine, { shard: shardId(1), follow: true }), ['b'])
})

test('a reader that follows gets what comes, ends when it is aborted, and fails when the stream goes', async (t) => {
  const { engine } = await setup(1)
  const tail = following(t, engine)
  const aborted = following(t, engine)
  await settle()
  aborted.control.abort()
  await aborted.ended
  for (const text of ['a', 'b']) {
    await putAll(engine, [entry({ text })])
    await settle()
  }
  assert.deepEqual(tail.texts, ['a', 'b'])
  await engine.delete('s')
  await assert.rejects(tail.ended, isCode('unknown_stream'))
})

test('parents are read to their end before their children', async (t) => {
  const { engine } = await setup(1)
  await putAll(engine, [entry({ text: 'parent' })])
  const tail = following(t, engine)
  const [, upper = ''] = await engine.split('s', shardId(0))
  const high = laneHash(3)
  await putAll(engine, [
    entry({ text: 'upper', shard: upper, hash: high }),
    entry({ text: 'lower' })
  ])
  await engine.merge('s', shardId(1), upper)
  await putAll(engine, [entry({ text: 'merged', hash: high })])
  await settle(20)
  assert.deepEqual(tail.texts, ['parent', 'lower', 'upper', 'merged'])
  assert.deepEqual(await readTexts(engine), ['parent', 'lower', 'upper', 'merged'])
})

test('a repeat of a record of the parent is dropped in the child', async () => {
  const { engine } = await setup(1)
  await putAll(engine, [entry({ data: aggregateOf([member(1), member(2)]) })])
  await engine.split('s', shardId(0))
  await putAll(engine, [
    // Where the key belongs.
    entry({ data: aggregateOf([member(2), member(3)]), hash: hashOf('k') })
  ])
  assert.deepEqual(await readTexts(engine), ['1', '2', '3'])
})

test('after a merge each parent has its own marks: no new record is lost, no repeat passes', async () => {
  const { engine } = await setup(2)
  // MD5 puts k2 into the lower half, k1 into the upper.
  const low = (seq: number) => member(seq, { partitionKey: 'k2', text: `low ${seq}` })
  const high = (seq: number) => member(seq, { partitionKey: 'k1', text: `high ${seq}` })
  await putAll(engine, [
    entry({ data: aggregateOf([low(1)]) }),
    entry({ data: aggregateOf([high(2), high(5)]), hash: laneHash(1, 2) })
  ])
  await engine.merge('s', shardId(0), shardId(1))
  // 3 and 4 wait in the lower lane while 5 is stored; then all come again.
  await putAll(engine, [
    entry({ data: aggregateOf([high(6), low(3), low(4)]) }),
    entry({ data: aggregateOf([low(1), high(2), low(3), low(4), high(5), high(6)]) })
  ])
  assert.deepEqual(await readTexts(engine), [
    'low 1',
    'high 2',
    'high 5',
    'high 6',
    'low 3',
    'low 4'
  ])
})

/** Two shards, with keys of both halves of the hash space: MD5 puts k2 into the lower, k1 into the upper. */
async function halves() {
  const { engine } = await setup(2)
  const low = (seq: number) => member(seq, { partitionKey: 'k2', text: `low ${seq}` })
  const high = (seq: number) => member(seq, { partitionKey: 'k1', text: `high ${seq}` })
  const put = (...members: Member[]) => {
    const isHigh = members[0]?.partitionKey === 'k1'
    return putAll(engine, [
      entry({ data: aggregateOf(members), hash: laneHash(isHigh ? 1 : 0, 2) })
    ])
  }
  return { engine, low, high, put }
}

test('an aggregate that landed beside the shard of its members is known after a merge', async () => {
  const { engine, low, high, put } = await halves()
  // Packed for the shard that was split into these two.
  await put(low(1), high(2), low(3))
  await engine.merge('s', shardId(0), shardId(1))
  await put(low(1), high(2), low(3))
  await put(low(4), high(5))
  assert.deepEqual(await readTexts(engine), ['low 1', 'high 2', 'low 3', 'low 4', 'high 5'])
})

test('an aggregate of a shard that was merged and is split is known in the part that it lands in', async () => {
  const { engine, low, high, put } = await halves()
  await engine.merge('s', shardId(0), shardId(1))
  await put(low(1), high(2))
  await engine.split('s', shardId(2))
  await put(low(1), high(2))
  await put(low(3))
  await put(high(4))
  assert.deepEqual(await readTexts(engine), ['low 1', 'high 2', 'low 3', 'high 4'])
})

test('an aggregate is known through several reshards, with others beside it, by readers resumed anywhere', async () => {
  const { engine, low, high, put } = await halves()
  const other = (seq: number) =>
    member(seq, { source: sourceOf('e'), partitionKey: 'k2', text: `other ${seq}` })
  await put(low(1), high(2), low(3))
  await put(other(1))
  await engine.merge('s', shardId(0), shardId(1))
  await put(other(2))
  await put(low(1), high(2), low(3))
  await engine.split('s', shardId(2))
  await put(other(3))
  await put(low(1), high(2), low(3))
  const all = ['low 1', 'high 2', 'low 3', 'other 1', 'other 2', 'other 3']
  for (let limit = 1; limit <= all.length; limit++) {
    const seen: string[] = []
    let from: ReaderOptions['from'] = 'start'
    for (let round = 0; round <= all.length; round++) {
      const reader = new StreamReader(engine, options({ from, limit }))
      for await (const batch of reader.records())
        seen.push(...batch.map((one) => one.data.toString()))
      from = { checkpoint: reader.checkpoint() }
    }
    assert.deepEqual(seen, all)
  }
})

test('nothing is lost of an aggregate that landed beside the shard of its members', async () => {
  const { engine, low, high, put } = await halves()
  // The lower shard is ahead when both are merged, which their writer sees, and split, which it does not.
  await put(low(1), low(9))
  await put(high(2))
  await engine.merge('s', shardId(0), shardId(1))
  await engine.split('s', shardId(2))
  const other = member(1, { source: sourceOf('e'), partitionKey: 'k2', text: 'other' })
  await put(other, high(3), high(4), low(10))
  await put(low(11))
  const texts = await readTexts(engine)
  assert.deepEqual(texts, [
    'low 1',
    'low 9',
    'high 2',
    'other',
    'high 3',
    'high 4',
    'low 10',
    'low 11'
  ])
})

test('what was packed anew is no copy of an aggregate with the same first record', async () => {
  const { engine, low, high, put } = await halves()
  await put(low(1), low(2))
  await put(low(1), low(2), high(3))
  assert.deepEqual(await readTexts(engine), ['low 1', 'low 2', 'high 3'])
})

test('marks are bounded: the source that was silent for longest is forgotten', async () => {
  const { engine } = await setup(1)
  const from = (name: string) =>
    entry({ data: aggregateOf([member(1, { source: sourceOf(name), text: name })]) })
  await putAll(engine, ['a', 'b', 'c', 'c', 'b', 'a'].map(from))
  assert.deepEqual(await readTexts(engine, { maxMarks: 2 }), ['a', 'b', 'c', 'a'])
})

test('no number of sources of one batch pushes out one that goes on, also through a checkpoint', async () => {
  const { engine } = await setup(1)
  const once = (i: number) =>
    ({ device: 'phone', epoch: onceEpochHead + String(i).repeat(24), lane: 0 }) as const
  const posts = Array.from({ length: 9 }, (_, i) =>
    member(1, { source: once(i), text: `post ${i}` })
  )
  const sent = [member(1), ...posts, member(1), ...posts.slice(-1)]
  await putAll(
    engine,
    sent.map((one) => entry({ data: aggregateOf([one]) }))
  )
  const all = ['1', ...posts.map(({ text }) => text)]
  assert.deepEqual(await readTexts(engine, { maxMarks: 4 }), all)
  const reader = new StreamReader(engine, options({ limit: all.length, maxMarks: 4 }))
  for await (const _ of reader.records());
  const from = { checkpoint: reader.checkpoint() }
  assert.deepEqual(await readTexts(engine, { from, maxMarks: 4 }), [])
})

test('a checkpoint between two batches goes on exactly behind, also in the middle of an aggregate', async () => {
  const { engine } = await setup(1)
  const vector =
    'f3899ac20a026b310a026b321a0908001a0568656c6c6f1a0908011a05776f726c64c4b234c121650f4512d22bf67dca9de2'
  await putAll(engine, [
    entry({ data: aggregateOf([member(1), member(2), member(3)]) }),
    entry({ data: Buffer.from(vector, 'hex') }),
    entry({ text: 'plain' }),
    entry({ data: aggregateOf([member(3), member(4)]) })
  ])
  const all = ['1', '2', '3', 'hello', 'world', 'plain', '4']
  assert.deepEqual(await readTexts(engine), all)
  for (let limit = 1; limit <= 3; limit++) {
    const seen: string[] = []
    let from: ReaderOptions['from'] = 'start'
    for (let round = 0; round < 10; round++) {
      const reader = new StreamReader(engine, options({ from, limit }))
      for await (const batch of reader.records())
        seen.push(...batch.map((one) => one.data.toString()))
      from = { checkpoint: reader.checkpoint() }
    }
    assert.deepEqual(seen, all)
  }
})

test('a reader at the end that was resumed gets what came meanwhile', async () => {
  const { engine } = await setup(1)
  await putAll(engine, [entry({ text: 'before' })])
  const reader = new StreamReader(engine, options({ from: 'end' }))
  for await (const batch of reader.records()) assert.deepEqual(batch, [])
  await putAll(engine, [entry({ text: 'meanwhile' })])
  await engine.split('s', shardId(0))
  await putAll(engine, [entry({ text: 'child' })])
  const from = { checkpoint: reader.checkpoint() }
  assert.deepEqual(await readTexts(engine, { from }), ['meanwhile', 'child'])
})

test('a reader at the end keeps apart what was merged before, as its writer may not know yet', async () => {
  const { engine, low, high, put } = await halves()
  await engine.merge('s', shardId(0), shardId(1))
  const reader = new StreamReader(engine, options({ from: 'end' }))
  for await (const batch of reader.records()) assert.deepEqual(batch, [])
  await put(high(5))
  await put(low(3), low(4))
  const from = { checkpoint: reader.checkpoint() }
  assert.deepEqual(await readTexts(engine, { from }), ['high 5', 'low 3', 'low 4'])
})

test('a merged shard that is read alone loses nothing that was written for its parents', async () => {
  const { engine, low, high, put } = await halves()
  await engine.merge('s', shardId(0), shardId(1))
  await put(high(5))
  await put(low(3), low(4))
  assert.deepEqual(await readTexts(engine, { shard: shardId(2) }), ['high 5', 'low 3', 'low 4'])
})

test('a checkpoint that is none, or of another stream, is refused', async () => {
  const { engine } = await setup(1)
  const foreign = new StreamReader(engine, options({ stream: 'other' })).checkpoint()
  const shard = { shard: shardId(0), next: { at: 'start' }, done: false }
  const ranged = { ...shard, ranges: [['0', 'x', [], []]] }
  const shards = [{}, ranged].map((one) => JSON.stringify({ v: 1, stream: 's', shards: [one] }))
  for (const checkpoint of ['', '{}', '{"v":2}', foreign, ...shards]) {
    assert.throws(
      () => new StreamReader(engine, options({ from: { checkpoint } })),
      isCode('invalid')
    )
  }
})
