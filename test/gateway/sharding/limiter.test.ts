import assert from 'node:assert/strict'
import test from 'node:test'
import { Limiter } from '../../../gateway/sharding/limiter.ts'

test('a shard that never throttled is not limited', () => {
  const limiter = new Limiter()
  limiter.stored(0)
  limiter.stored(1000)
  limiter.sent(1e9, 1000)
  assert.equal(limiter.freeAtMs, 1000)
})

test('a throttle lowers the rate to seven tenths of what went through', () => {
  const limiter = new Limiter()
  limiter.throttled(1_000_000, 0)
  assert.equal(limiter.bytesPerSecond, 700_000)
  limiter.throttled(2_000_000, 0)
  assert.equal(limiter.bytesPerSecond, 700_000, 'the same put is refused again')
  limiter.stored(0)
  limiter.throttled(2_000_000, 0)
  assert.equal(Math.round(limiter.bytesPerSecond), 490_000)
  limiter.sent(490_000, 5000)
  assert.equal(Math.round(limiter.freeAtMs), 6000)
})

test('the rate rises step by step while nothing is throttled, until it limits nothing', () => {
  const limiter = new Limiter()
  limiter.throttled(100_000, 0)
  let before = limiter.bytesPerSecond
  for (let second = 1; second <= 300; second++) {
    limiter.stored(second * 1000)
    assert.ok(limiter.bytesPerSecond <= before * 1.1 + 64 * 1024 || before > 9e8)
    assert.ok(limiter.bytesPerSecond > before || before === Number.POSITIVE_INFINITY)
    before = limiter.bytesPerSecond
  }
  assert.equal(before, Number.POSITIVE_INFINITY)
})

test('after a throttle the rate is back within seconds, however long the shard refused', () => {
  const limiter = new Limiter()
  limiter.throttled(10_000_000, 0)
  for (let ms = 100; ms <= 20_000; ms += 100) limiter.throttled(10_000_000, ms)
  assert.equal(limiter.bytesPerSecond, 7_000_000)
  for (let ms = 20_100; ms <= 23_000; ms += 100) limiter.stored(ms)
  assert.ok(limiter.bytesPerSecond > 9_000_000)
})

test('no put waits more than five seconds for its rate', () => {
  const limiter = new Limiter()
  limiter.throttled(1, 0)
  limiter.sent(1e9, 0)
  assert.equal(limiter.freeAtMs, 5000)
})
