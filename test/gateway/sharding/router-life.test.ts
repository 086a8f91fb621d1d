import assert from 'node:assert/strict'
import test from 'node:test'
import { all, batch, failed, rig, source, stream, watch } from './rig.ts'

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
