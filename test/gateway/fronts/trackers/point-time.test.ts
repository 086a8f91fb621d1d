import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pointTimeMs } from '../../../../gateway/fronts/trackers/point-time.ts'

const nowMs = Date.UTC(2026, 5, 1)

for (const [value, expected] of [
  ['1377177267', '2013-08-22T13:14:27.000Z'],
  ['1442068686579', '2015-09-12T14:38:06.579Z'],
  [1_377_177_267, '2013-08-22T13:14:27.000Z'],
  ['1377177267.25', '2013-08-22T13:14:27.250Z'],
  ['2016-01-27T18:55:47Z', '2016-01-27T18:55:47.000Z'],
  ['2016-01-27T18:55:47.5+02:00', '2016-01-27T16:55:47.500Z'],
  ['2016-01-27T18:55:47 0200', '2016-01-27T16:55:47.000Z'],
  ['2014-06-04 09:10:11', '2014-06-04T09:10:11.000Z'],
  ['2014-06-04T09:10', '2014-06-04T09:10:00.000Z'],
  [nowMs + 3_600_000, '2026-06-01T01:00:00.000Z'],
  ['0', undefined],
  ['619315200', undefined],
  [-1, undefined],
  [nowMs + 2 * 86_400_000, undefined],
  ['2014-13-04 09:10:11', undefined],
  ['tomorrow', undefined],
  ['', undefined],
  [null, undefined],
  [undefined, undefined],
  [{}, undefined],
  [['1377177267'], undefined],
  ['1e400', undefined]
] as const) {
  test(`${JSON.stringify(value)} is ${expected ?? 'no time a point can have'}`, () => {
    const timeMs = pointTimeMs(value, nowMs)
    assert.equal(timeMs === undefined ? undefined : new Date(timeMs).toISOString(), expected)
  })
}

test('seconds are seconds after 2038 too', () => {
  const timeMs = Date.UTC(2040, 0, 1)
  assert.equal(pointTimeMs(timeMs / 1000, timeMs + 1000), timeMs)
})
