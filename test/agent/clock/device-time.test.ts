import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeviceTime } from '../../../agent/clock/device-time.ts'
import { ManualBoot } from '../../support/manual-boot.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const in2026 = Date.UTC(2026, 5, 1)
const hourMs = 3_600_000
const weekMs = 7 * 24 * hourMs

/** A device that has just booted; its wall clock says `wallMs`. */
function setup(wallMs = in2026) {
  const clock = new ManualClock(wallMs)
  const boot = new ManualBoot(clock)
  return { clock, boot, time: new DeviceTime(clock, boot) }
}

test('after a boot in 1970, what was stored before NTP is moved by what the clock was wrong', async () => {
  const { clock, time } = setup(5000)
  const before = time.now()
  assert.equal(before.clock, 'unsynced')
  assert.deepEqual(time.correctionOf(before), { clock: 'unsynced', offset: 0 })
  await clock.advance(hourMs)
  clock.jumpWall(in2026 + hourMs)
  time.trust('ntp')
  assert.equal(time.now().clock, 'ntp')
  assert.deepEqual(time.correctionOf(before), { clock: 'ntp', offset: in2026 - 5000 })
  assert.deepEqual(time.correctionOf(time.now()), { clock: 'ntp', offset: 0 })
})

test('a clock before 2026 is not trusted, whoever says so', () => {
  const { time } = setup(Date.UTC(2025, 11, 31))
  time.trust('ntp')
  time.tell(1000)
  time.tell(1000)
  assert.equal(time.now().clock, 'unsynced')
})

test('a jump of two weeks, back or forward, is noticed at once and undone in what was stored during it', async () => {
  for (const jumpMs of [-2 * weekMs, 2 * weekMs]) {
    const { clock, time } = setup()
    time.trust('ntp')
    const right = time.now()
    await clock.advance(1000)
    clock.jumpWall(in2026 + 1000 + jumpMs)
    const wrong = time.now()
    assert.equal(wrong.clock, 'unsynced')
    assert.deepEqual(time.correctionOf(wrong), { clock: 'ntp', offset: -jumpMs })
    await clock.advance(1000)
    clock.jumpWall(in2026 + 2000)
    assert.equal(time.now().clock, 'ntp')
    assert.deepEqual(time.correctionOf(wrong), { clock: 'ntp', offset: -jumpMs })
    assert.deepEqual(time.correctionOf(right), { clock: 'ntp', offset: 0 })
  }
})

test('no jump of the wall clock changes an age', async () => {
  const { clock, time } = setup()
  const then = time.now()
  const ofBootBefore = { ...then, boot: 'f'.repeat(32), wallMs: in2026 - hourMs, uptimeMs: 9e9 }
  await clock.advance(1000)
  const ages = () => [time.since(then), time.since(ofBootBefore)]
  assert.deepEqual(ages(), [1000, 1000])
  for (const wallMs of [5000, in2026 + 2 * weekMs, in2026 - 2 * weekMs, in2026 + 1000]) {
    clock.jumpWall(wallMs)
    assert.deepEqual(ages(), [1000, 1000])
  }
  time.trust('ntp')
  clock.jumpWall(in2026 + 2 * weekMs)
  assert.deepEqual(ages(), [1000, hourMs + 1000])
})

test('a clock that is slewed stays trusted, and what differs by two seconds is not moved', async () => {
  const { clock, time } = setup()
  const before = time.now()
  clock.jumpWall(in2026 + 1500)
  time.trust('ntp')
  assert.deepEqual(time.correctionOf(before), { clock: 'ntp', offset: 0 })
  for (let wallMs = in2026; wallMs < in2026 + 100_000; wallMs += 1500) {
    clock.jumpWall(wallMs)
    assert.equal(time.now().clock, 'ntp')
  }
})

test('a clock that was wrong by more than a batch can say leaves its times as they are, flagged', () => {
  const { clock, time } = setup(Date.UTC(2230, 0, 1))
  const before = time.now()
  clock.jumpWall(in2026)
  time.trust('ntp')
  assert.deepEqual(time.correctionOf(before), { clock: 'unsynced', offset: 0 })
})

test('a suspend is no step of the clock', async () => {
  const { clock, boot, time } = setup()
  time.trust('ntp')
  await clock.advance(1000)
  boot.suspended(hourMs)
  clock.jumpWall(in2026 + 1000 + hourMs)
  assert.equal(time.now().clock, 'ntp')
})

test('of a boot that ended before the clock was learnt nothing is guessed', () => {
  const { time } = setup()
  const stamp = { wallMs: 9000, uptimeMs: 4000, boot: 'f'.repeat(32), clock: 'unsynced' } as const
  time.trust('ntp')
  assert.deepEqual(time.correctionOf(stamp), { clock: 'unsynced', offset: 0 })
})

test('what a hardware clock had dated is moved by NTP, not by another hardware clock', async () => {
  const { clock, time } = setup()
  time.trust('rtc')
  const before = time.now()
  assert.equal(before.clock, 'rtc')
  await clock.advance(1000)
  clock.jumpWall(in2026 + 1000 + hourMs)
  assert.equal(time.now().clock, 'unsynced')
  // Whoever set it may know better: nothing is moved back to what the battery said.
  assert.deepEqual(time.correctionOf(time.now()), { clock: 'unsynced', offset: 0 })
  time.trust('rtc')
  assert.deepEqual(time.correctionOf(before), { clock: 'rtc', offset: 0 })
  time.trust('ntp')
  assert.deepEqual(time.correctionOf(before), { clock: 'ntp', offset: hourMs })
})

test('a receiver dates what a wrong clock had stored and still stores; it is believed the second time', async () => {
  const { clock, time } = setup(5000)
  const before = time.now()
  time.tell(in2026)
  assert.equal(time.correctionOf(before).offset, 0)
  await clock.advance(1000)
  time.tell(in2026 + 900)
  assert.deepEqual(time.correctionOf(before), { clock: 'gps', offset: in2026 - 5100 })
  const after = time.now()
  assert.equal(after.clock, 'unsynced')
  assert.deepEqual(time.correctionOf(after), { clock: 'gps', offset: in2026 - 5100 })
  clock.jumpWall(in2026 + 1000)
  assert.equal(time.now().clock, 'gps')
})

test('two times of a receiver that do not agree are not believed, and none against NTP', async () => {
  const { clock, time } = setup(5000)
  time.tell(in2026)
  await clock.advance(1000)
  time.tell(in2026 + hourMs)
  assert.equal(time.stats().errorMs, undefined)
  clock.jumpWall(in2026)
  time.trust('ntp')
  time.tell(in2026 + hourMs)
  time.tell(in2026 + hourMs)
  assert.deepEqual(time.stats(), { state: 'ntp', errorMs: 0 })
})

test('a hardware clock does not contradict what is known better', () => {
  const { clock, time } = setup()
  time.trust('ntp')
  clock.jumpWall(in2026 + hourMs)
  time.trust('rtc')
  assert.deepEqual(time.stats(), { state: 'unsynced', errorMs: hourMs })
})
