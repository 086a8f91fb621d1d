import assert from 'node:assert/strict'
import test from 'node:test'
import { all, batch, rig, stream, watch } from './rig.ts'

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
