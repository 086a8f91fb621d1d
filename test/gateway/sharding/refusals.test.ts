import assert from 'node:assert/strict'
import test from 'node:test'
import { all, batch, members, refused, rig, stream, watch } from './rig.ts'

test('the one record that is refused for good is parked and the rest of its aggregate is stored', async () => {
  const { router, engine, clock, letters } = await rig({ sharding: { lingerMs: 0 } })
  engine.script = (entries) =>
    entries.some((entry) => members([entry]).includes('bad:7')) ? all(entries, refused) : undefined
  const keys = Array.from({ length: 20 }, (_, i) => (i === 6 ? 'bad' : 'a'))
  const { durable } = router.take(batch(keys, 1))
  await clock.advance(1000)
  await durable
  const stored = members(engine.stored(stream, 'shardId-000000000000'))
  assert.deepEqual(
    stored,
    keys.map((key, i) => `${key}:${i + 1}`).filter((one) => one !== 'bad:7')
  )
  assert.ok(engine.seen.length <= 11, `${engine.seen.length} puts`)
  assert.deepEqual(
    letters.map(({ seq, partitionKey, data, message }) => [
      seq,
      partitionKey,
      data.toString(),
      message
    ]),
    [[7, 'bad', 'bad:7', 'never']]
  )
})

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
