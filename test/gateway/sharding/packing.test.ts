import assert from 'node:assert/strict'
import test from 'node:test'
import { sourceKey } from '../../../shared/kpl/kpl.ts'
import { settle } from '../../support/manual-clock.ts'
import { all, batch, members, rig, source, stream } from './rig.ts'

test('entries carry the outer key "a" and the hash key of their first member', async () => {
  const { router, engine } = await rig({ sharding: { lingerMs: 0 } })
  router.take(batch(['device-0001', 'a'], 1))
  await settle()
  const [entry] = engine.seen[0] ?? []
  assert.equal(entry?.partitionKey, 'a')
  assert.equal(entry?.hashKey, 118565459389455887580122100116841712193n)
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

test('per-key aggregates hold one partition key each, carry it outside and share a put', async () => {
  const { router, engine } = await rig({
    sharding: { lingerMs: 0, aggregation: () => 'per-key' }
  })
  router.take(batch(['a', 'a', 'b', 'a'], 1))
  await settle()
  assert.deepEqual(
    engine.seen.map((entries) => entries.map((one) => [one.partitionKey, members([one])])),
    [
      [
        ['a', ['a:1', 'a:2']],
        ['b', ['b:3']],
        ['a', ['a:4']]
      ]
    ]
  )
})

test('a remote engine gets one aggregate of a shard in a put, as it may refuse any of several', async () => {
  const { router, engine, clock } = await rig({
    engine: { keepsMarks: false },
    sharding: { lingerMs: 0, aggregation: () => 'per-key' }
  })
  router.take(batch(['a', 'b', 'a'], 1))
  await clock.advance(100)
  assert.deepEqual(engine.seen.map(members), [['a:1'], ['b:2'], ['a:3']])
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
    engine.seen.flat().map((entry) => `${entry.partitionKey}=${entry.data.toString()}`),
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
