import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fix } from '../../../../agent/formats/nmea/fix.ts'
import { metresBetween } from '../../../../agent/sources/gps/deadband.ts'
import { FixFilter } from '../../../../agent/sources/gps/fix-filter.ts'
import type { DeadbandOptions } from '../../../../agent/sources/gps/gps-options.ts'
import { Tally } from '../../../../agent/sources/tally.ts'

const now = Date.UTC(2026, 5, 1, 12)
const home = { lat: 48, lon: 11 }
const weekMs = 7 * 86_400_000

/** Degrees of latitude that are so many metres. */
const north = (metres: number) => ({ lat: 48 + metres / 111_195.08, lon: 11 })

function setup(deadband?: DeadbandOptions, isLive = true) {
  const tally = new Tally()
  const filter = new FixFilter({ tally, deadband, isLive })
  const keeps = (fix: Fix, arrivalMs = now) => filter.take(fix, arrivalMs) !== undefined
  return {
    filter,
    keeps,
    problems: () => tally.stats().problems,
    leftOut: () => tally.stats().leftOut
  }
}

test('a fix whose time did not move on is stale, one that went back is not', () => {
  const { keeps, problems } = setup()
  const kept = [0, 0, 1, 1, 1, 0].map((second) => keeps({ ...home, time: now + second * 1000 }))
  assert.deepEqual(kept, [true, false, true, false, false, true])
  assert.deepEqual(problems(), { stale_fix: 3 })
})

test('fixes without a time have that of their arrival, and are never stale', () => {
  const { filter } = setup()
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(filter.take(home, now), { fix: home, atMs: now, timeFrom: 'arrival' })
  }
})

test('a live receiver that is 1024 weeks late is set right; a recording is left as it is', () => {
  const time = now - 1024 * weekMs
  const live = setup()
  assert.deepEqual(live.filter.take({ ...home, time }, now), {
    fix: { ...home, time },
    atMs: now,
    timeFrom: 'corrected'
  })
  assert.deepEqual(live.problems(), { week_rollover: 1 })
  const clockOfMachineUnset = setup().filter.take({ ...home, time }, 0)
  assert.equal(clockOfMachineUnset?.atMs, now)
  const recording = setup(undefined, false).filter.take({ ...home, time }, now)
  assert.deepEqual([recording?.atMs, recording?.timeFrom], [time, 'receiver'])
})

test('a live fix of the past that no rollover explains', () => {
  const lastYear = setup().filter.take({ ...home, time: now - 60 * weekMs }, now)
  assert.deepEqual([lastYear?.atMs, lastYear?.timeFrom], [now - 60 * weekMs, 'receiver'])
  const firstWeek = setup().filter.take({ ...home, time: Date.UTC(1980, 0, 6) }, now)
  assert.deepEqual([firstWeek?.atMs, firstWeek?.timeFrom], [now, 'arrival'])
})

test('metres between two fixes', () => {
  const munich = { lat: 48.137154, lon: 11.576124 }
  const berlin = { lat: 52.520008, lon: 13.404954 }
  assert.ok(Math.abs(metresBetween(munich, berlin) - 504_200) < 500)
  assert.ok(Math.abs(metresBetween(home, north(25)) - 25) < 0.001)
  assert.ok(metresBetween({ lat: 0, lon: 179.9999 }, { lat: 0, lon: -179.9999 }) < 23)
  assert.equal(metresBetween(home, home), 0)
})

test('a fix is kept when it passes any threshold since the last one kept', () => {
  const cases: readonly (readonly [DeadbandOptions, Partial<Fix>, Partial<Fix>, boolean])[] = [
    [{ distance: 25 }, {}, north(24.9), false],
    [{ distance: 25 }, {}, north(25.1), true],
    [{ heading: 15 }, { course: 350, speed: 5 }, { course: 4.9, speed: 5 }, false],
    [{ heading: 15 }, { course: 350, speed: 5 }, { course: 5, speed: 5 }, true],
    [{ heading: 15 }, { course: 350, speed: 5 }, { course: 170, speed: 0.9 }, false],
    [{ heading: 15 }, { course: 350 }, { course: 170 }, true],
    [{ heading: 15 }, {}, { course: 170 }, false],
    [{ speed: 2 }, { speed: 10 }, { speed: 8.1 }, false],
    [{ speed: 2 }, { speed: 10 }, { speed: 8 }, true],
    [{ distance: 25, speed: 2 }, { speed: 10 }, { speed: 20 }, true],
    [{ maxInterval: 1001 }, {}, north(9999), false],
    [{ maxInterval: 1000 }, {}, {}, true],
    [{ minInterval: 1001 }, {}, north(9999), false],
    [{ minInterval: 1000 }, {}, {}, true],
    [{ distance: 1, minInterval: 1001 }, {}, north(9999), false]
  ]
  for (const [deadband, first, second, expected] of cases) {
    const { keeps, problems, leftOut } = setup(deadband)
    assert.ok(keeps({ ...home, ...first, time: now }))
    const kept = keeps({ ...home, ...second, time: now + 1000 })
    assert.equal(kept, expected, JSON.stringify([deadband, first, second]))
    const reason = deadband.minInterval === undefined ? 'deadband' : 'min_interval'
    assert.deepEqual(leftOut(), expected ? {} : { [reason]: 1 })
    assert.deepEqual(problems(), {})
  }
})

test('slow movement adds up: the comparison is with the last fix kept, not the last seen', () => {
  const { keeps } = setup({ distance: 25 })
  const kept = Array.from({ length: 11 }, (_, i) =>
    keeps({ ...north(i * 10), time: now + i * 1000 })
  )
  const expected = [true, false, false, true, false, false, true, false, false, true, false]
  assert.deepEqual(kept, expected)
})

test('a clock that goes back does not silence the receiver', () => {
  const { keeps } = setup({ distance: 25, minInterval: 1000 })
  assert.ok(keeps({ ...home, time: now + 86_400_000 }))
  assert.ok(keeps({ ...home, time: now }))
  assert.ok(!keeps({ ...home, time: now + 1000 }))
})
