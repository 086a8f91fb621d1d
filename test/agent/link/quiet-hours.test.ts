import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Calendar } from '../../../agent/link/calendar.ts'
import { formatQuietHours, isQuiet, parseQuietHours } from '../../../agent/link/quiet-hours.ts'

const quietAt = (texts: readonly string[], time: string): boolean => {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  return isQuiet(texts.map(parseQuietHours), hour * 60 + minute)
}

const cases = [
  [['22:00-06:00'], ['22:00', '23:59', '00:00', '05:59'], ['21:59', '06:00', '12:00']],
  [['09:00-17:30'], ['09:00', '17:29'], ['08:59', '17:30', '00:00']],
  [['20:00-24:00'], ['20:00', '23:59'], ['00:00', '19:59']],
  [['00:00-24:00'], ['00:00', '12:00', '23:59'], []],
  [
    ['01:00-02:00', '23:00-00:30'],
    ['01:30', '23:00', '00:29'],
    ['00:30', '02:00', '22:59']
  ],
  [[], [], ['00:00', '12:00']]
] as const

for (const [texts, quiet, loud] of cases) {
  test(`quiet hours ${texts.join(' and ') || 'that are not there'}`, () => {
    for (const time of quiet) assert.equal(quietAt(texts, time), true, time)
    for (const time of loud) assert.equal(quietAt(texts, time), false, time)
  })
}

test('an hour that the clocks show twice is quiet twice, one they leave out is not', () => {
  const calendar = new Calendar('Europe/Vienna')
  const hours = [parseQuietHours('02:00-03:00')]
  const quietMinutes = (day: string): number =>
    Array.from({ length: 26 * 60 }, (_, i) => Date.parse(`${day}T00:00Z`) - 7_200_000 + i * 60_000)
      .map((ms) => calendar.at(ms))
      .filter((local) => local.day === day && isQuiet(hours, local.minute)).length
  assert.deepEqual(['2026-03-28', '2026-03-29', '2026-10-25'].map(quietMinutes), [60, 0, 120])
})

test('what cannot be quiet hours is refused by name, and the rest reads back as written', () => {
  for (const text of ['', '22-6', '25:00-06:00', '22:60-06:00', '08:00-08:00', '24:00-06:00']) {
    assert.throws(() => parseQuietHours(text), { code: 'config', message: /22:00-06:00/ }, text)
  }
  for (const text of ['22:00-06:00', '20:05-24:00']) {
    assert.equal(formatQuietHours(parseQuietHours(text)), text)
  }
})
