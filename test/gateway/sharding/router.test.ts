import assert from 'node:assert/strict'
import test from 'node:test'
import type { PutOutcome } from '../../../gateway/engines/engine.ts'
import { settle } from '../../support/manual-clock.ts'
import { all, batch, failed, members, rig, stream, watch } from './rig.ts'

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
