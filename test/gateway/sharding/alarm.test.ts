import assert from 'node:assert/strict'
import test from 'node:test'
import { Alarm } from '../../../gateway/sharding/alarm.ts'
import { ManualClock } from '../../support/manual-clock.ts'

test('an alarm wakes once, at the earliest time it was set to', async () => {
  const clock = new ManualClock()
  const woken: number[] = []
  const alarm = new Alarm(clock, () => woken.push(clock.monoMs()))
  alarm.set(50)
  alarm.set(20)
  alarm.set(70)
  assert.equal(clock.sleeping, 1)
  await clock.advance(100)
  assert.deepEqual(woken, [20])
  alarm.set(130)
  await clock.advance(100)
  assert.deepEqual(woken, [20, 130])
})

test('a cancelled alarm does not wake and leaves nothing asleep', async () => {
  const clock = new ManualClock()
  const alarm = new Alarm(clock, () => assert.fail('woke'))
  alarm.set(50)
  alarm.cancel()
  assert.equal(clock.sleeping, 0)
  await clock.advance(100)
})
