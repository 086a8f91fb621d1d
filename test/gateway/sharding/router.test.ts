import assert from 'node:assert/strict'
import test from 'node:test'
import type { PutEntry, PutOutcome } from '../../../gateway/engines/engine.ts'
import { decodeAggregate } from '../../../shared/kpl/deaggregate.ts'
import { sourceKey } from '../../../shared/kpl/kpl.ts'
import { settle } from '../../support/manual-clock.ts'
import { batch, rig, source, stream, watch } from './rig.ts'

/** The data of all members of all entries of one put. */
function members(entries: readonly PutEntry[] | undefined): string[] {
  return (entries ?? []).flatMap(({ data }) => decodeAggregate(data)?.data.map(String) ?? ['plain'])
}

function all(entries: readonly PutEntry[], outcome: PutOutcome): PutOutcome[] {
  return entries.map(() => outcome)
}

const failed: PutOutcome = { status: 'failed', message: 'later', retryable: true }
const refused: PutOutcome = { status: 'failed', message: 'never', retryable: false }

test('at low load a record waits lingerMs for company, no longer', async () => {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 50 } })
  const durable = watch(router.take(batch(['a'], 1)).durable)
  await clock.advance(30)
  router.take(batch(['b'], 2))
  await clock.advance(19)
  assert.equal(engine.seen.length, 0)
  await clock.advance(1)
  assert.deepEqual(engine.seen.map(members), [['a:1', 'b:2']])
  assert.equal(durable.state, 'done')
})

test('with a linger of 0 a record leaves at once, with what came in the same moment', async () => {
  const { router, engine } = await rig({ sharding: { lingerMs: 0 } })
  router.take(batch(['a'], 1))
  router.take(batch(['a'], 2))
  await settle()
  assert.deepEqual(engine.seen.map(members), [['a:1', 'a:2']])
})

test('under load the next aggregate grows while the last is on its way, one at a time', async () => {
  const { router, engine, clock } = await rig({
    engine: { troubles: { latencyMs: 100 } },
    sharding: { lingerMs: 0 }
  })
  for (let seq = 1; seq <= 20; seq++) {
    router.take(batch(['a'], seq))
    await clock.advance(10)
  }
  await clock.advance(200)
  const sizes = engine.seen.map((entries) => members(entries).length)
  assert.deepEqual(sizes, [1, 9, 10])
  assert.deepEqual(engine.crowded, [])
})

test('a full aggregate does not linger', async () => {
  const { router, engine } = await rig({ sharding: { lingerMs: 1000, maxAggregateBytes: 300 } })
  router.take(batch(['a', 'a', 'a'], 1, { data: [1, 2, 3].map(() => Buffer.alloc(100)) }))
  await settle()
  assert.deepEqual(
    engine.seen.map((entries) => members(entries).length),
    [1, 1]
  )
})

test('lanes that are ready together share one put, one entry each', async () => {
  const { router, engine } = await rig({ shards: 4, sharding: { lingerMs: 0 } })
  router.take(batch(['a', 'k1', 'k2', 'a'], 1))
  await settle()
  assert.equal(engine.seen.length, 1)
  assert.deepEqual(
    engine.seen[0]?.map((entry) => members([entry])),
    [['a:1', 'a:4'], ['k1:2'], ['k2:3']]
  )
})

test('entries carry the outer key "a" and the hash key of their first member', async () => {
  const { router, engine } = await rig({ sharding: { lingerMs: 0 } })
  router.take(batch(['device-0001', 'a'], 1))
  await settle()
  const [entry] = engine.seen[0] ?? []
  assert.equal(entry?.partitionKey, 'a')
  assert.equal(entry?.explicitHashKey, '118565459389455887580122100116841712193')
})

test('marks tell the highest number of each repeatable source, to an engine that keeps them', async () => {
  for (const keepsMarks of [true, false]) {
    const { router, engine } = await rig({ engine: { keepsMarks }, sharding: { lingerMs: 0 } })
    const other = { ...source, lane: 1 as const }
    await router.prepare(stream, other)
    router.take(batch(['a', 'b'], 1))
    router.take(batch(['a'], 9, { source: other }))
    router.take(batch(['a'], 5, { source: { ...source, device: 'pi-9' }, repeatable: false }))
    await settle()
    const marks = [
      { source: sourceKey(source), seq: 2 },
      { source: sourceKey(other), seq: 9 }
    ]
    assert.deepEqual(engine.seen[0]?.[0]?.marks, keepsMarks ? marks : [])
  }
})

test('what was attempted is sent again byte for byte before anything newer', async () => {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0 } })
  const outcomes: PutOutcome[] = [failed, { status: 'throttled', message: 'slow' }, failed]
  engine.script = (entries) => {
    const outcome = outcomes.shift()
    return outcome && all(entries, outcome)
  }
  const first = watch(router.take(batch(['a'], 1)).durable)
  await settle()
  router.take(batch(['a'], 2))
  await clock.advance(10_000)
  assert.deepEqual(engine.seen.map(members), [['a:1'], ['a:1'], ['a:1'], ['a:1'], ['a:2']])
  const bytes = new Set(engine.seen.slice(0, 4).map(([entry]) => entry?.data.toString('hex')))
  assert.equal(bytes.size, 1)
  assert.equal(first.state, 'done')
})

test('a throttled shard backs off alone; the others go on at once', async () => {
  const { router, engine, clock } = await rig({ shards: 4, sharding: { lingerMs: 0 } })
  const hot = 'shardId-000000000002'
  engine.script = (entries) =>
    entries.map(({ shard }, i) =>
      shard === hot
        ? { status: 'throttled', message: 'slow', retryAfterMs: 60_000 }
        : { status: 'stored', shard, sequence: String(i) }
    )
  const waiting = watch(router.take(batch(['k1'], 1)).durable)
  await settle()
  for (let seq = 2; seq <= 50; seq++) {
    const cold = watch(router.take(batch(['k2'], seq)).durable)
    await clock.advance(1)
    assert.equal(cold.state, 'done')
  }
  assert.equal(waiting.state, 'pending')
  const lane = router.stats().lanes.find(({ shard }) => shard === hot)
  assert.equal(lane?.throttles, 1)
  assert.equal(engine.seen.flat().filter(({ shard }) => shard === hot).length, 1)
  engine.script = undefined
  await clock.advance(120_000)
  assert.equal(waiting.state, 'done')
})

test('a lane over its share throttles with a time to wait, and takes nothing in any lane', async () => {
  const { router, engine, clock } = await rig({ shards: 4, sharding: { laneShareBytes: 2000 } })
  engine.troubles.latencyMs = 1000
  router.take(batch(['k1'], 1, { data: [Buffer.alloc(1500)] }))
  const before = router.stats()
  assert.throws(
    () => router.take(batch(['k2', 'k1'], 2, { data: [Buffer.alloc(10), Buffer.alloc(400)] })),
    (error: { code?: string; retryAfterMs?: number }) =>
      error.code === 'throttled' && (error.retryAfterMs ?? 0) > 0
  )
  assert.deepEqual(router.stats(), before)
  router.take(batch(['k2'], 2, { data: [Buffer.alloc(1500)] }))
  await clock.advance(5000)
  assert.equal(router.stats().bytes, 0)
  router.take(batch(['k1'], 3, { data: [Buffer.alloc(400)] }))
})

test('all lanes together hold at most maxBytes and one batch; then the gateway is unavailable', async () => {
  const { router, engine } = await rig({ shards: 4, sharding: { maxBytes: 20_000 } })
  engine.script = (entries) => all(entries, failed)
  let seq = 1
  const flood = () => {
    for (; seq < 1000; seq++) {
      router.take(batch([`key-${seq}`], seq, { data: [Buffer.alloc(500)] }))
    }
  }
  assert.throws(flood, { code: 'unavailable' })
  assert.ok(router.stats().bytes > 10_000 && router.stats().bytes <= 20_000)
})

test('repeats are left out by the marks of an earlier life, also across a split', async () => {
  const { router, engine, clock } = await rig({ shards: 1, sharding: { lingerMs: 0 } })
  router.take(batch(['a', 'k1', 'a', 'k1'], 1))
  await settle()
  await engine.split(stream, 'shardId-000000000000')
  await clock.advance(100)
  router.take(batch(['a', 'a', 'k1'], 5))
  await settle()
  const next = await rig({ sharding: { engine, clock, lingerMs: 0 } })
  engine.seen.length = 0
  const keys = ['a', 'k1', 'a', 'k1', 'a', 'a', 'k1', 'k1', 'a']
  const { durable, repeats } = next.router.take(batch(keys, 1))
  await clock.advance(100)
  await durable
  assert.equal(repeats, 7)
  assert.deepEqual(members(engine.seen.flat()).sort(), ['a:9', 'k1:8'])
  const again = next.router.take(batch(keys, 1))
  assert.equal(again.repeats, 9)
  await again.durable
})

test('a repeatable source must be prepared before it is taken', async () => {
  const { router } = await rig()
  const stranger = { ...source, device: 'stranger' }
  assert.throws(() => router.take(batch(['a'], 1, { source: stranger })), { code: 'unavailable' })
  assert.throws(() => router.take({ ...batch(['a'], 1), stream: 'other' }), { code: 'unavailable' })
  const asked = router.prepare(stream, stranger)
  assert.ok(asked)
  await asked
  assert.equal(router.prepare(stream, stranger), undefined)
  router.take(batch(['a'], 1, { source: stranger }))
})

test('an unknown stream is named as such, an engine that does not answer is unavailable', async () => {
  const { router, engine } = await rig()
  await assert.rejects(async () => router.prepare('nowhere', undefined), { code: 'unknown_stream' })
  engine.describe = async () => {
    throw new Error('connection refused')
  }
  await assert.rejects(async () => router.prepare('other', undefined), { code: 'unavailable' })
})

test('the one record that is refused for good is parked and the rest of its aggregate is stored', async () => {
  const { router, engine, clock, letters } = await rig({ sharding: { lingerMs: 0 } })
  engine.script = (entries) =>
    entries.some((entry) => members([entry]).includes('bad:7')) ? all(entries, refused) : undefined
  const keys = Array.from({ length: 20 }, (_, i) => (i === 6 ? 'bad' : 'a'))
  const { durable } = router.take(batch(keys, 1))
  await clock.advance(1000)
  await durable
  const stored = members(engine.stored(stream, 'shardId-000000000000').map(entryOf))
  assert.deepEqual(
    stored,
    keys.map((key, i) => `${key}:${i + 1}`).filter((one) => one !== 'bad:7')
  )
  assert.ok(engine.seen.length <= 11, `${engine.seen.length} puts`)
  assert.deepEqual(
    letters.map(({ seq, partitionKey, data, message }) => [seq, partitionKey, `${data}`, message]),
    [[7, 'bad', 'bad:7', 'never']]
  )
})

function entryOf({ data, partitionKey }: { data: Buffer; partitionKey: string }): PutEntry {
  return { data, partitionKey, shard: '', explicitHashKey: '', marks: [] }
}

test('a refused record counts as durable only when it is parked', async () => {
  let broken = true
  const { router, engine, clock } = await rig({
    sharding: {
      lingerMs: 0,
      onDeadLetter: async () => {
        if (broken) throw new Error('disk full')
      }
    }
  })
  engine.script = (entries) => all(entries, refused)
  const durable = watch(router.take(batch(['a'], 1)).durable)
  await clock.advance(300_000)
  assert.equal(durable.state, 'pending')
  broken = false
  await clock.advance(60_000)
  assert.equal(durable.state, 'done')
  assert.equal(router.stats().bytes, 0)
})

test('per-key aggregates hold one partition key each and carry it outside', async () => {
  const { router, engine, clock } = await rig({
    sharding: { lingerMs: 0, aggregation: () => 'per-key' }
  })
  router.take(batch(['a', 'a', 'b', 'a'], 1))
  await clock.advance(100)
  assert.deepEqual(
    engine.seen.map((entries) => [entries[0]?.partitionKey, members(entries)]),
    [
      ['a', ['a:1', 'a:2']],
      ['b', ['b:3']],
      ['a', ['a:4']]
    ]
  )
})

test('without aggregation records are plain entries, many a put, in order', async () => {
  const { router, engine, clock } = await rig({
    sharding: { lingerMs: 0, aggregation: () => 'off' }
  })
  const keys = Array.from({ length: 600 }, (_, i) => `k${i % 3}`)
  const { durable } = router.take(batch(keys, 1))
  await clock.advance(100)
  await durable
  assert.deepEqual(
    engine.seen.map((entries) => entries.length),
    [500, 100]
  )
  assert.deepEqual(
    engine.seen.flat().map((entry) => `${entry.partitionKey}=${entry.data}`),
    keys.map((key, i) => `${key}=${key}:${i + 1}`)
  )
})

test('without aggregation a remote engine gets a key once in a put, so that a failure cannot swap two', async () => {
  const { router, engine, clock } = await rig({
    engine: { keepsMarks: false },
    sharding: { lingerMs: 0, aggregation: () => 'off' }
  })
  router.take(batch(['a', 'b', 'a', 'a'], 1))
  await clock.advance(100)
  assert.deepEqual(
    engine.seen.map((entries) => entries.map(({ data }) => String(data))),
    [['a:1', 'b:2'], ['a:3'], ['a:4']]
  )
})

test('the largest record fits into one entry of the stream, whatever surrounds it', async () => {
  for (const aggregation of ['kpl', 'per-key', 'off'] as const) {
    const { router, engine, letters, clock } = await rig({
      sharding: { lingerMs: 0, aggregation: () => aggregation }
    })
    const big = { device: 'd'.repeat(128), epoch: 'f'.repeat(32), lane: 1 as const }
    await router.prepare(stream, big)
    const key = '🚚'.repeat(256)
    const first = Number.MAX_SAFE_INTEGER - 1
    const data = Buffer.alloc(router.maxRecordBytes(stream) - Buffer.byteLength(key))
    router.take(batch([key], first, { source: big, data: [data] }))
    await clock.advance(100)
    assert.equal(engine.stored(stream, 'shardId-000000000000').length, 1, aggregation)
    assert.deepEqual(letters, [])
  }
})

test('stop sends everything at once and waits until it is durable', async () => {
  const { router, engine, clock } = await rig({
    engine: { troubles: { latencyMs: 100 } },
    sharding: { lingerMs: 60_000 }
  })
  const durable = watch(router.take(batch(['a'], 1)).durable)
  const deadline = new AbortController()
  const stopped = router.stop(deadline.signal)
  assert.equal(router.stop(deadline.signal), stopped)
  assert.throws(() => router.take(batch(['a'], 2)), { code: 'unavailable' })
  await clock.advance(100)
  await stopped
  assert.equal(durable.state, 'done')
  assert.equal(engine.seen.length, 1)
  assert.equal(clock.sleeping, 0)
})

test('stop waits for what a split sends another way at that moment', async () => {
  const { router, engine, clock } = await rig({
    engine: { troubles: { latencyMs: 10 } },
    sharding: { lingerMs: 60_000 }
  })
  const durable = watch(router.take(batch(['a', 'k1'], 1)).durable)
  const stopped = router.stop(new AbortController().signal)
  await clock.advance(5)
  await engine.split(stream, 'shardId-000000000000')
  await clock.advance(1000)
  await stopped
  assert.equal(durable.state, 'done')
  assert.deepEqual(
    ['shardId-000000000001', 'shardId-000000000002'].map((id) => engine.stored(stream, id).length),
    [1, 1]
  )
})

test('what is not durable at the deadline is rejected as unavailable', async () => {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0 } })
  engine.script = (entries) => all(entries, failed)
  const { durable } = router.take(batch(['a'], 1))
  const rejected = assert.rejects(durable, { code: 'unavailable' })
  const deadline = new AbortController()
  const stopped = router.stop(deadline.signal)
  await clock.advance(1000)
  deadline.abort()
  await stopped
  await rejected
  assert.equal(router.stats().bytes, 0)
  assert.equal(clock.sleeping, 0)
})

test('when a stream is deleted its batches are rejected as unavailable and it is unknown again', async () => {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 1000 } })
  const { durable } = router.take(batch(['a'], 1))
  const rejected = assert.rejects(durable, { code: 'unavailable' })
  await engine.delete(stream)
  await clock.advance(10)
  await rejected
  assert.equal(router.stats().bytes, 0)
  await assert.rejects(async () => router.prepare(stream, source), { code: 'unknown_stream' })
})

test('a stream whose engine chooses the shards is not aggregated, wherever its records land', async () => {
  const { router, engine, clock } = await rig({ shards: 4, sharding: { lingerMs: 0 } })
  const described = await engine.describe(stream)
  let asked = 0
  engine.describe = async () => {
    asked += 1
    return { ...described, stream: 'auto', distribution: 'auto' }
  }
  engine.script = (entries) => all(entries, { status: 'stored', shard: 'any', sequence: '1' })
  await router.prepare('auto', undefined)
  const { durable } = router.take({
    ...batch(['a', 'k1', 'a'], 1),
    stream: 'auto',
    repeatable: false
  })
  await clock.advance(100)
  await durable
  assert.deepEqual(
    engine.seen.flat().map(({ data }) => String(data)),
    ['a:1', 'a:3', 'k1:2']
  )
  assert.equal(asked, 1)
})

test('a wrong shard on a map that has not changed is asked again, with pauses between', async () => {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0 } })
  engine.script = (entries) => all(entries, { status: 'wrong_shard', message: 'closed' })
  const durable = watch(router.take(batch(['a'], 1)).durable)
  await clock.advance(60_000)
  assert.ok(engine.seen.length > 3 && engine.seen.length < 60, `${engine.seen.length} puts`)
  engine.script = undefined
  await clock.advance(20_000)
  assert.equal(durable.state, 'done')
})

test('after a record landed in another shard the lane sends nothing until the map is read again', async () => {
  const { router, engine, clock } = await rig({
    engine: { keepsMarks: false },
    sharding: { lingerMs: 0 }
  })
  const describe = engine.describe.bind(engine)
  engine.describe = async (name) => {
    await clock.sleep(500)
    return describe(name)
  }
  engine.script = (entries) => all(entries, { status: 'stored', shard: 'child', sequence: '1' })
  await router.take(batch(['a'], 1)).durable
  engine.script = undefined
  const durable = watch(router.take(batch(['a'], 2)).durable)
  await clock.advance(499)
  assert.equal(engine.seen.length, 1)
  await clock.advance(1)
  assert.equal(engine.seen.length, 2)
  assert.equal(durable.state, 'done')
})

test('a map that cannot be read is asked for again', async () => {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0 } })
  const describe = engine.describe.bind(engine)
  let failures = 5
  engine.describe = async (name) => {
    if (failures-- > 0) throw new Error('connection refused')
    return describe(name)
  }
  await engine.split(stream, 'shardId-000000000000')
  const { durable } = router.take(batch(['a', 'k1'], 1))
  await clock.advance(60_000)
  await durable
  assert.equal(engine.stored(stream, 'shardId-000000000001').length, 1)
  assert.equal(engine.stored(stream, 'shardId-000000000002').length, 1)
})
