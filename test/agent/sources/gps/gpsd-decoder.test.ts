import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GpsdDecoder } from '../../../../agent/sources/gps/gpsd-decoder.ts'

function decode(lines: readonly (string | object)[]) {
  const problems: string[] = []
  const decoder = new GpsdDecoder((reason) => problems.push(reason))
  const results = lines
    .map((line) => decoder.line(typeof line === 'string' ? line : JSON.stringify(line)))
    .filter((one) => one !== undefined)
  return { results, problems }
}

test('a TPV of version 3.22 with the SKY before it', () => {
  const device = '/dev/ttyACM0'
  const { results, problems } = decode([
    { class: 'VERSION', release: '3.22', proto_major: 3, proto_minor: 14 },
    { class: 'SKY', device, hdop: 0.98, uSat: 9, nSat: 14, satellites: [] },
    // Between two of these comes one that has errors alone.
    { class: 'SKY', device, pdop: 1.7 },
    '{"class":"TPV","device":"/dev/ttyACM0","status":2,"mode":3,"time":"2026-06-01T12:00:00.250Z","ept":0.005,"lat":48.117300000,"lon":11.516666667,"altHAE":592.3000,"altMSL":545.4000,"alt":545.4000,"epx":7.0,"epy":9.0,"track":84.4000,"speed":11.524,"climb":0.000,"eph":17.100}'
  ])
  assert.deepEqual(problems, [])
  assert.deepEqual(results, [
    {
      lat: 48.1173,
      lon: 11.516666667,
      time: Date.UTC(2026, 5, 1, 12) + 250,
      alt: 545.4,
      altHae: 592.3,
      speed: 11.524,
      course: 84.4,
      accuracy: 17.1,
      hdop: 0.98,
      satellites: 9,
      mode: 3,
      quality: 'dgps'
    }
  ])
})

test('a TPV of the oldest versions: seconds since the epoch, alt, and errors by axis', () => {
  const used = [{ used: true }, { used: false }, { used: true }]
  const { results } = decode([
    { class: 'SKY', device: 'a', satellites: used },
    {
      class: 'TPV',
      device: 'a',
      mode: 3,
      time: 1253593667.43,
      lat: 38.9,
      lon: -77,
      alt: 146.9,
      epx: 3,
      epy: 4
    }
  ])
  const time = 1253593667430
  const fix = { lat: 38.9, lon: -77, time, alt: 146.9, accuracy: 5, satellites: 2, mode: 3 }
  assert.deepEqual(results, [fix])
})

test('a TPV without mode 2 or 3, or without a position, is no fix', () => {
  const at = { lat: 1, lon: 2 }
  const { results } = decode([
    { class: 'TPV', mode: 0 },
    { class: 'TPV', mode: 1, ...at },
    { class: 'TPV', ...at },
    { class: 'TPV', mode: 3, time: '2026-06-01T12:00:00Z' },
    { class: 'TPV', mode: 2, lat: 91, lon: 2 },
    { class: 'TPV', mode: 2, lat: '1', lon: 2 }
  ])
  assert.deepEqual(results, Array(6).fill('no_fix'))
})

test('a fix without time, or with one that is none, has no time', () => {
  const fix = { class: 'TPV', mode: 2, lat: 1, lon: 2 }
  const { results } = decode([
    fix,
    { ...fix, time: 'n/a' },
    { ...fix, time: { toString: 1 } },
    { ...fix, time: 1e300 }
  ])
  for (const result of results) assert.deepEqual(result, { lat: 1, lon: 2, mode: 2 })
  assert.equal(results.length, 4)
})

test('satellites of another device are not told of this one', () => {
  const { results } = decode([
    { class: 'SKY', device: 'a', hdop: 1, uSat: 5 },
    { class: 'TPV', device: 'b', mode: 2, lat: 1, lon: 2 }
  ])
  assert.deepEqual(results, [{ lat: 1, lon: 2, mode: 2 }])
})

test('what is no report, and errors, are told; nothing throws', () => {
  const { problems } = decode([
    '',
    '{',
    '[]',
    '1',
    'null',
    '{"a":1}',
    { class: 'ERROR', message: 'x' }
  ])
  assert.deepEqual(problems, [...Array(6).fill('bad_line'), 'gpsd_error'])
  const report = fc.record({
    class: fc.constantFrom('TPV', 'SKY', 'WATCH'),
    mode: fc.constantFrom(2, 3, 'x'),
    lat: fc.oneof(fc.double(), fc.anything()),
    lon: fc.oneof(fc.double(), fc.anything()),
    time: fc.anything(),
    satellites: fc.anything(),
    eph: fc.anything()
  })
  const line = fc.oneof(
    report.map((one) => JSON.stringify(one)),
    fc.json(),
    fc.string()
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 10 }), (lines) => {
      for (const fix of decode(lines).results) {
        if (typeof fix === 'string') continue
        assert.ok(Math.abs(fix.lat) <= 90 && Math.abs(fix.lon) <= 180)
        assert.ok(fix.time === undefined || Number.isSafeInteger(fix.time))
      }
    })
  )
})
