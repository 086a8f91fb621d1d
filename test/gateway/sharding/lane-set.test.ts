import assert from 'node:assert/strict'
import test from 'node:test'
import { settle } from '../../support/manual-clock.ts'
import { all, batch, members, rig, stream, watch } from './rig.ts'

test('when queued records cannot be routed anew their senders hear of it, and the stream goes on', async () => {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0 } })
  engine.script = (entries) => {
    // The bytes of an aggregate that waits are changed, as only a defect could.
    for (const { data } of entries) data[0] = 0
    return all(entries, { status: 'wrong_shard', message: 'closed' })
  }
  const broken = router.take(batch(['a', 'k1'], 1))
  const behind = router.take(batch(['a', 'k1'], 3))
  const rejected = [broken, behind].map(({ durable }) =>
    assert.rejects(durable, { code: 'internal', message: /cannot be read back/ })
  )
  await engine.split(stream, 'shardId-000000000000')
  await settle()
  engine.script = undefined
  await clock.advance(60_000)
  await Promise.all(rejected)
  assert.equal(router.stats().bytes, 0)

  const again = watch(router.take(batch(['a', 'k1'], 1)).durable)
  const next = watch(router.take(batch(['a', 'k1'], 3)).durable)
  await clock.advance(1000)
  assert.deepEqual([again.state, next.state], ['done', 'done'])
  const stored = ['shardId-000000000001', 'shardId-000000000002'].map((shard) =>
    members(engine.stored(stream, shard))
  )
  assert.deepEqual(stored, [
    ['a:1', 'a:3'],
    ['k1:2', 'k1:4']
  ])
})
