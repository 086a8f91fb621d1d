import assert from 'node:assert/strict'
import test from 'node:test'
import { LaneMeter } from '../../../gateway/sharding/lane-meter.ts'

test('the time to wait is what the lane needs to drain so many bytes at its rate of late', () => {
  const meter = new LaneMeter()
  assert.equal(meter.retryAfterMs(1_000_000), 1000)
  meter.stored({ records: 1, bytes: 100_000, payloadUnits: 1 }, 1000)
  assert.equal(meter.retryAfterMs(200_000), 2000)
  meter.stored({ records: 1, bytes: 200_000, payloadUnits: 1 }, 1000)
  assert.equal(meter.bytesPerSecond, 130_000)
})

test('the time to wait is between 50 milliseconds and 30 seconds', () => {
  const meter = new LaneMeter()
  meter.stored({ records: 1, bytes: 1000, payloadUnits: 1 }, 1000)
  assert.equal(meter.retryAfterMs(1), 50)
  assert.equal(meter.retryAfterMs(1e9), 30_000)
})
