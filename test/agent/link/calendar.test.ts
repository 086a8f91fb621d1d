import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Calendar } from '../../../agent/link/calendar.ts'

/** UTC, zone, day, minutes since midnight. */
const moments = [
  ['2026-11-21T10:30:00Z', 'UTC', '2026-11-21', 630],
  // The clocks of Vienna go from 02:00 to 03:00, and in autumn from 03:00 to 02:00.
  ['2026-03-29T00:59:00Z', 'Europe/Vienna', '2026-03-29', 119],
  ['2026-03-29T01:00:00Z', 'Europe/Vienna', '2026-03-29', 180],
  ['2026-10-25T00:30:00Z', 'Europe/Vienna', '2026-10-25', 150],
  ['2026-10-25T01:30:00Z', 'Europe/Vienna', '2026-10-25', 150],
  ['2026-10-24T22:00:00Z', 'Europe/Vienna', '2026-10-25', 0],
  ['2026-12-31T23:00:00Z', 'Europe/Vienna', '2027-01-01', 0],
  ['2028-02-29T23:59:00Z', 'UTC', '2028-02-29', 1439],
  ['2028-03-01T04:59:00Z', 'America/New_York', '2028-02-29', 1439],
  ['2026-01-01T00:00:00Z', 'Asia/Kolkata', '2026-01-01', 330],
  // Samoa had no 30 December 2011.
  ['2011-12-30T09:59:00Z', 'Pacific/Apia', '2011-12-29', 1439],
  ['2011-12-30T10:00:00Z', 'Pacific/Apia', '2011-12-31', 0],
  ['1970-01-01T00:00:00Z', 'UTC', '1970-01-01', 0]
] as const

for (const [moment, zone, day, minute] of moments) {
  test(`${moment} is ${day}, minute ${minute}, in ${zone}`, () => {
    const local = new Calendar(zone).at(Date.parse(moment))
    assert.equal(local.day, day)
    assert.equal(local.month, day.slice(0, 7))
    assert.equal(local.minute, minute)
    assert.equal(local.daysIntoMonth, Number(day.slice(8)) - 1 + minute / 1440)
  })
}

test('a month has as many days as the calendar gives it', () => {
  const calendar = new Calendar('UTC')
  const days = (month: string) => calendar.at(Date.parse(`${month}-15T00:00:00Z`)).daysOfMonth
  assert.deepEqual(
    ['2026-01', '2026-02', '2028-02', '2100-02', '2026-04', '2026-12'].map(days),
    [31, 28, 29, 28, 30, 31]
  )
})

test('without a time zone it is that of the process', () => {
  const now = new Date(2026, 10, 21, 23, 59)
  const local = new Calendar().at(now.getTime())
  assert.deepEqual([local.day, local.minute], ['2026-11-21', 1439])
})
