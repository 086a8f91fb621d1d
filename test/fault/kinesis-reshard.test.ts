import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { SequenceSource } from '../../shared/kpl/kpl.ts'
import type { Troubles } from '../support/fake-engine.ts'
import { readAsKcl } from '../support/kcl-reader.ts'
import {
  assertOnce,
  keys,
  readAsOurs,
  routerOver,
  sources,
  takeBatch,
  writeThroughReshards
} from '../support/reshard-load.ts'
import { type KinesisRig, startedRig } from '../gateway/engines/kinesis/setup.ts'

/** Resharded at the service, so that the engine is not told. */
function sides({ engine, store }: KinesisRig) {
  return { engine, elsewhere: store }
}

const troubles: Readonly<Record<string, Troubles>> = {
  'all goes well': {},
  'entries are throttled or fail': { throttled: 0.1, failed: 0.2 }
}

for (const [what, trouble] of Object.entries(troubles)) {
  test(`shards split and merge while ${what}: neither our reader nor the KCL loses or doubles a record`, async (t) => {
    const rig = await startedRig(t, { shards: 2, troubles: { latencyMs: 3, ...trouble } })
    const written = await writeThroughReshards(t, sides(rig))
    const { shards } = await rig.store.describe('s')
    assert.ok(shards.length > 8, 'shards were split and merged')
    const reads = shards.map((shard) => readAsKcl(shard, rig.store.stored('s', shard.id)))
    assert.equal(
      reads.reduce((sum, { dropped }) => sum + dropped, 0),
      0
    )
    const byKcl = reads.flatMap(({ texts }) => texts)
    assertOnce('the KCL', byKcl, written)
    assertOnce('our reader', await readAsOurs(rig.engine), written)
  })
}

test('per-key aggregates keep the order of each key through reshards', async (t) => {
  const rig = await startedRig(t, { shards: 2, troubles: { failed: 0.05 } })
  await writeThroughReshards(t, sides(rig), { rounds: 16, aggregation: 'per-key' })
  const numbers = new Map<string, number>()
  for (const text of await readAsOurs(rig.engine)) {
    const [device, key, number] = text.split(' ')
    const last = numbers.get(`${device} ${key}`) ?? 0
    assert.ok(Number(number) > last, `${text} came after ${last}`)
    numbers.set(`${device} ${key}`, Number(number))
  }
  assert.equal(numbers.size, sources.length * keys.length)
})

test('connections that are cut before or after the work lose and double nothing for our reader', async (t) => {
  const rig = await startedRig(t, { troubles: { cutBefore: 0.2, cutAfter: 0.2 } })
  const written = await writeThroughReshards(t, sides(rig))
  assertOnce('our reader', await readAsOurs(rig.engine), written)
})

test('a shard that is throttled all the time holds up no other', async (t) => {
  const rig = await startedRig(t, { shards: 4 })
  const hot = (await rig.engine.describe('s')).shards[0]
  assert.ok(hot)
  rig.kinesis.throttles = (hash) => hash <= hot.range.end
  const router = await routerOver(t, rig.engine, 'kpl')
  const done = new Set<number>()
  for (let round = 0; round < 20; round++) {
    void takeBatch(router, sources[0] as SequenceSource, 1 + round * keys.length * 4).durable.then(
      () => done.add(round),
      () => undefined
    )
    await delay(5)
  }
  await delay(200)
  assert.equal(done.size, 0, 'each batch has records for the hot shard')
  const cold = (await rig.store.describe('s')).shards.slice(1)
  const reads = cold.map((shard) => readAsKcl(shard, rig.store.stored('s', shard.id)))
  const lanes = router.stats().lanes.filter((lane) => lane.shard !== hot.id)
  assert.deepEqual(
    lanes.map(({ queuedRecords }) => queuedRecords),
    [0, 0, 0],
    'the cold lanes are empty'
  )
  assert.ok(reads.every(({ texts }) => texts.length > 0))
  assert.ok(rig.kinesis.count('PutRecords') < 200, 'the hot lane backs off')
  rig.kinesis.throttles = () => false
})
