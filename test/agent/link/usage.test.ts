import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Calendar, type LocalTime } from '../../../agent/link/calendar.ts'
import { projectedMonthBytes, Usage } from '../../../agent/link/usage.ts'

const calendar = new Calendar('UTC')
const at = (text: string): LocalTime => calendar.at(Date.parse(`${text}Z`))

/** What is counted where 100 bytes are added at each of these times: bytes of the day and month. */
function counted(...times: readonly string[]): [number, number] {
  const usage = new Usage()
  for (const time of times) usage.add(100, at(time))
  const { day, month } = usage.at(at(times.at(-1) ?? ''))
  return [day.bytes, month.bytes]
}

const cases: readonly [string, readonly string[], [number, number]][] = [
  ['one day adds up', ['2026-11-21T00:00', '2026-11-21T23:59'], [200, 200]],
  ['a day ends at midnight', ['2026-11-21T23:59', '2026-11-22T00:00'], [100, 200]],
  ['a month ends with its last day', ['2026-02-28T23:59', '2026-03-01T00:00'], [100, 100]],
  ['a leap year has one day more', ['2028-02-28T23:59', '2028-02-29T00:00'], [100, 200]],
  ['a year ends', ['2026-12-31T23:59', '2027-01-01T00:00'], [100, 100]],
  ['a month later on the same day', ['2026-10-21T00:00', '2026-11-21T00:00'], [100, 100]],
  ['a clock that goes back', ['2026-11-21T00:00', '2026-10-31T00:00'], [200, 200]],
  ['back and forth', ['2026-11-21T09:00', '2026-11-20T09:00', '2026-11-21T09:00'], [300, 300]],
  ['a clock of 1970 in between', ['2026-11-21T00:00', '1970-01-01T00:00'], [200, 200]],
  ['a clock that is set at last', ['1970-01-01T00:00', '2026-11-21T00:00'], [200, 200]],
  ['a day on a clock that is never set', ['1970-01-01T00:00', '1970-01-02T00:00'], [100, 200]]
]

for (const [title, times, expected] of cases) {
  test(`bytes by day and month: ${title}`, () => assert.deepEqual(counted(...times), expected))
}

test('the projection goes on at the pace since the counting began', () => {
  const usage = new Usage()
  usage.add(1000, at('2026-11-11T00:00'))
  // Ten of thirty days had passed; ten are counted, ten are left.
  usage.add(0, at('2026-11-21T00:00'))
  const now = at('2026-11-21T00:00')
  assert.equal(projectedMonthBytes(usage.at(now), now), 2000)
  // The next month is counted from its beginning.
  usage.add(600, at('2026-12-07T00:00'))
  const later = at('2026-12-07T00:00')
  assert.equal(projectedMonthBytes(usage.at(later), later), 3100)
  const end = at('2026-12-31T23:59')
  assert.equal(projectedMonthBytes(usage.at(end), end), 600)
})

test('the first day of a month, or of the counting, promises what its pace comes to', () => {
  const ofMonth = new Usage()
  ofMonth.at(at('2026-10-31T00:00'))
  const six = at('2026-11-01T06:00')
  ofMonth.add(100, six)
  assert.equal(projectedMonthBytes(ofMonth.at(six), six), 100 * 4 * 30)
  const ofCounting = new Usage()
  ofCounting.at(at('2026-11-21T12:00'))
  const later = at('2026-11-21T18:00')
  ofCounting.add(100, later)
  assert.equal(projectedMonthBytes(ofCounting.at(later), later), 100 + 100 * 4 * 9.25)
})

test('less than an hour promises nothing', () => {
  const usage = new Usage()
  usage.at(at('2026-11-21T12:00'))
  const soon = at('2026-11-21T12:59')
  usage.add(100, soon)
  assert.equal(projectedMonthBytes(usage.at(soon), soon), undefined)
  const hour = at('2026-11-21T13:00')
  assert.equal(projectedMonthBytes(usage.at(hour), hour), 100 + 100 * 24 * (9 + 11 / 24))
})
