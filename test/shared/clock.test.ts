import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { systemClock } from '../../shared/clock.ts'

test('a sleep ends with its time, and leaves nothing on its signal', async () => {
  const { signal } = new AbortController()
  const startMs = systemClock.monoMs()
  await systemClock.sleep(5, signal)
  assert.ok(systemClock.monoMs() - startMs >= 4)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('a sleep ends at once when its signal aborts or has aborted, and leaves no timer', async () => {
  const controller = new AbortController()
  const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
  const before = timers()
  const sleeping = systemClock.sleep(3_600_000, controller.signal)
  controller.abort()
  await sleeping
  await systemClock.sleep(3_600_000, controller.signal)
  assert.equal(timers(), before)
})
