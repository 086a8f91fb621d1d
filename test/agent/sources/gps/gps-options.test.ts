import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { gpsOptions } from '../../../../agent/sources/gps/gps-options.ts'

function problemOf(written: object): string {
  const result = gpsOptions.safeParse(written)
  assert.ok(!result.success, JSON.stringify(written))
  return result.error.issues[0]?.message ?? ''
}

test('a receiver in every form, and back', () => {
  const local = { host: '127.0.0.1', port: 2947 }
  const cases: readonly (readonly [string, object, string?])[] = [
    ['gpsd', { kind: 'gpsd', server: local }, 'gpsd://127.0.0.1:2947'],
    [
      'gpsd://10.0.0.2',
      { kind: 'gpsd', server: { host: '10.0.0.2', port: 2947 } },
      'gpsd://10.0.0.2:2947'
    ],
    ['gpsd://[::1]', { kind: 'gpsd', server: { host: '::1', port: 2947 } }, 'gpsd://[::1]:2947'],
    ['gpsd://[::1]:99', { kind: 'gpsd', server: { host: '::1', port: 99 } }],
    ['tcp://boat.local:10110', { kind: 'tcp', server: { host: 'boat.local', port: 10110 } }],
    ['/dev/ttyAMA0', { kind: 'serial', path: '/dev/ttyAMA0' }],
    ['file:track.nmea', { kind: 'file', path: 'track.nmea' }],
    ['file:///var/track.nmea', { kind: 'file', path: '/var/track.nmea' }, 'file:/var/track.nmea']
  ]
  for (const [text, address, back = text] of cases) {
    const options = gpsOptions.parse({ gps: text })
    assert.deepEqual(options.gps, address)
    assert.equal(z.encode(gpsOptions, options).gps, back)
  }
})

test('a receiver that cannot be is refused by its text or its address', () => {
  for (const text of [
    '',
    'ttyUSB0',
    'http://a:1',
    'tcp://host',
    'tcp://host:0',
    'gpsd://a b',
    'gpsd://h:99999',
    'file:'
  ]) {
    assert.ok(problemOf({ gps: text }).includes(text.replace(/^(tcp|gpsd):\/\//, '')), text)
  }
})

test('thresholds have units', () => {
  const { deadband } = gpsOptions.parse({
    gps: 'gpsd',
    deadband: {
      distance: '0.5 km',
      heading: '15deg',
      speed: '36 km/h',
      maxInterval: '60s',
      minInterval: '1s'
    }
  })
  assert.deepEqual(deadband, {
    distance: 500,
    heading: 15,
    speed: 10,
    maxInterval: 60_000,
    minInterval: 1000
  })
  const shown = z.encode(
    gpsOptions,
    gpsOptions.parse({ gps: 'gpsd', deadband: { distance: '25m' } })
  )
  assert.deepEqual(shown.deadband, { distance: '25 m' })
})

test('a threshold that cannot be is refused, saying how it is written', () => {
  const problem = (deadband: object) => problemOf({ gps: 'gpsd', deadband })
  assert.equal(
    problem({ distance: '25' }),
    '"25" is not a distance: write a number and m, km, ft or mi, as in "25 m"'
  )
  assert.match(problem({ heading: '15 m' }), /"15 m" is not an angle: write a number and deg or °/)
  assert.match(problem({ heading: '181 deg' }), /at most 180 deg, not "181 deg"/)
  assert.match(problem({ speed: '0 kn' }), /more than 0/)
  assert.match(problem({ distance: 25 }), /must be a distance such as "25 m"/)
  assert.match(problem({ minInterval: '2m', maxInterval: '1m' }), /minInterval must not be more/)
})
