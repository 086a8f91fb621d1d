import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Quota, type QuotaLimits } from '../../../gateway/admission/quota.ts'
import { ManualClock } from '../../support/manual-clock.ts'

function setup(limits: QuotaLimits | undefined, maxDevices = 10) {
  const clock = new ManualClock()
  const quota = new Quota({ limitsOf: () => limits, burstSeconds: 3, maxDevices, clock })
  return { clock, quota }
}

test('without limits nobody waits', () => {
  const { quota } = setup(undefined)
  quota.charge('d', 1e9, 1e12)
  assert.equal(quota.waitMs('d'), 0)
})

test('a device may send a burst of three seconds and then its rate', async () => {
  const { clock, quota } = setup({ recordsPerSecond: 100 })
  quota.charge('d', 299, 0)
  assert.equal(quota.waitMs('d'), 0)
  quota.charge('d', 101, 0)
  assert.equal(quota.waitMs('d'), 1001)
  await clock.advance(1000)
  assert.equal(quota.waitMs('d'), 1)
  await clock.advance(1)
  assert.equal(quota.waitMs('d'), 0)
})

test('the wait that is named is just long enough', async () => {
  const { clock, quota } = setup({ bytesPerSecond: 7 })
  quota.charge('d', 1, 1000)
  const waitMs = quota.waitMs('d')
  await clock.advance(waitMs - 2)
  assert.notEqual(quota.waitMs('d'), 0)
  await clock.advance(2)
  assert.equal(quota.waitMs('d'), 0)
})

test('a batch larger than the burst passes, and is paid for afterwards', () => {
  const { quota } = setup({ bytesPerSecond: 1000 })
  assert.equal(quota.waitMs('d'), 0)
  quota.charge('d', 1, 13_000)
  assert.equal(quota.waitMs('d'), 10_001)
})

test('rest does not fill a bucket beyond its burst', async () => {
  const { clock, quota } = setup({ recordsPerSecond: 10 })
  quota.charge('d', 1, 0)
  await clock.advance(3_600_000)
  quota.charge('d', 30, 0)
  assert.notEqual(quota.waitMs('d'), 0)
})

test('one device does not use up the quota of another', () => {
  const { quota } = setup({ recordsPerSecond: 10 })
  quota.charge('a', 1000, 0)
  assert.notEqual(quota.waitMs('a'), 0)
  assert.equal(quota.waitMs('b'), 0)
})

test('at most maxDevices buckets are kept, those used last', () => {
  const { quota } = setup({ recordsPerSecond: 10 }, 2)
  quota.charge('a', 1000, 0)
  quota.charge('b', 1000, 0)
  quota.charge('a', 1, 0)
  quota.charge('c', 1000, 0)
  assert.equal(quota.forgotten, 1)
  assert.notEqual(quota.waitMs('a'), 0)
  assert.equal(quota.waitMs('b'), 0)
})
