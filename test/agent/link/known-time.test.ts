import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownTime } from '../../../agent/link/known-time.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const hourMs = 3_600_000
const seenMs = Date.parse('2026-11-21T00:00Z')

test('a clock that starts in 1970 is replaced by what was seen and what passed since', async () => {
  const clock = new ManualClock(0)
  const time = new KnownTime(clock, seenMs)
  assert.equal(time.nowMs(), seenMs)
  assert.equal(time.estimated, true)
  await clock.advance(30 * hourMs)
  assert.equal(time.nowMs(), seenMs + 30 * hourMs)
  clock.jumpWall(seenMs + 90 * hourMs)
  assert.equal(time.nowMs(), seenMs + 90 * hourMs)
  assert.equal(time.estimated, false)
})

test('a clock that is lost while the program runs changes nothing', async () => {
  const clock = new ManualClock(seenMs)
  const time = new KnownTime(clock)
  await clock.advance(hourMs)
  time.nowMs()
  await clock.advance(hourMs)
  clock.jumpWall(0)
  assert.equal(time.nowMs(), seenMs + 2 * hourMs)
  assert.equal(time.latestMs, seenMs + 2 * hourMs)
})

test('a correction by some hours is believed at once', async () => {
  const clock = new ManualClock(seenMs)
  const time = new KnownTime(clock)
  time.nowMs()
  clock.jumpWall(seenMs - 2 * hourMs)
  assert.equal(time.nowMs(), seenMs - 2 * hourMs)
  assert.equal(time.estimated, false)
  assert.equal(time.latestMs, seenMs)
})
