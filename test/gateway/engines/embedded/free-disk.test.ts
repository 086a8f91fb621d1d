import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FreeDisk } from '../../../../gateway/engines/embedded/free-disk.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

/** A disk whose measurements take as long as `clock` says. */
function setup() {
  const clock = new ManualClock()
  const state = { free: 1000, measurements: 0 }
  const disk = new FreeDisk(clock, 500, async () => {
    state.measurements += 1
    await clock.sleep(10)
    return state.free
  })
  return { clock, state, disk }
}

test('who asks during the first measurement waits for it and is not told that the disk is full', async () => {
  const { clock, state, disk } = setup()
  const asked = Promise.all([disk.require(), disk.require()])
  await clock.advance(10)
  await asked
  assert.equal(state.measurements, 1)
})

test('a measurement holds for a second, also where it says that the disk is full', async () => {
  const { clock, state, disk } = setup()
  state.free = 499
  const full = assert.rejects(disk.require(), { code: 'store_full', message: /^499 bytes.*500/ })
  await clock.advance(10)
  await full
  state.free = 500
  await assert.rejects(disk.require(), { code: 'store_full' })
  await clock.advance(990)
  const asked = disk.require()
  await clock.advance(10)
  await asked
  assert.equal(state.measurements, 2)
})

test('a disk that cannot be measured is asked again after a second', async () => {
  const clock = new ManualClock()
  let broken = true
  const disk = new FreeDisk(clock, 500, async () => {
    if (broken) throw new Error('stale file handle')
    return 1000
  })
  await assert.rejects(disk.require(), /stale/)
  broken = false
  await clock.advance(1000)
  await disk.require()
})
