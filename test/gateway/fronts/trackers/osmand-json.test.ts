import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeOsmandJson } from '../../../../gateway/fronts/trackers/osmand-json.ts'

const nowMs = Date.UTC(2026, 5, 1)

/** As an iPhone sends it. */
const message = {
  location: {
    extras: {},
    mock: true,
    coords: {
      speed_accuracy: -1,
      speed: 18.67,
      longitude: 106.6837015,
      ellipsoidal_altitude: 0,
      floor: null,
      latitude: -6.1148096,
      accuracy: 3.8,
      altitude: 35.7,
      heading: 63
    },
    is_moving: false,
    odometer: 1200,
    uuid: '2FB04C65-99CF-42AB-8DD3-EBCB4B108BF8',
    event: 'motionchange',
    battery: { level: 0.79, is_charging: false },
    activity: { type: 'still', confidence: 100 },
    timestamp: '2025-05-09T04:11:30.579Z'
  },
  device_id: '658765'
}

function decode(value: unknown) {
  const { tracker, point } = decodeOsmandJson(JSON.stringify(value), nowMs)
  const { data, ...rest } = point
  return { tracker, ...rest, data: JSON.parse(data.toString()) as Record<string, unknown> }
}

test('what Traccar Client 9 sends is a point in our units, with what is left where it was', () => {
  assert.deepEqual(decode(message), {
    tracker: '658765',
    timeMs: Date.parse('2025-05-09T04:11:30.579Z'),
    attributes: { protocol: 'osmand' },
    repeatable: true,
    data: {
      lat: -6.1148096,
      lon: 106.6837015,
      alt: 35.7,
      speed: 18.67,
      course: 63,
      accuracy: 3.8,
      battery: 79,
      charging: false,
      source: {
        location: {
          extras: {},
          mock: true,
          coords: { speed_accuracy: -1, ellipsoidal_altitude: 0, floor: null },
          is_moving: false,
          odometer: 1200,
          uuid: '2FB04C65-99CF-42AB-8DD3-EBCB4B108BF8',
          event: 'motionchange',
          battery: { level: 0.79 },
          activity: { type: 'still', confidence: 100 },
          timestamp: '2025-05-09T04:11:30.579Z'
        },
        device_id: '658765'
      }
    }
  })
})

test('-1 stands for unknown and is left where it was', () => {
  const coords = { ...message.location.coords, speed: -1, heading: -1 }
  const battery = { level: -1, is_charging: false }
  const { data } = decode({ ...message, location: { ...message.location, coords, battery } })
  for (const name of ['speed', 'course', 'battery']) assert.equal(data[name], undefined)
  const { location } = data['source'] as { location: { coords: unknown; battery: unknown } }
  assert.deepEqual(location.coords, {
    speed_accuracy: -1,
    speed: -1,
    ellipsoidal_altitude: 0,
    floor: null,
    heading: -1
  })
  assert.deepEqual(location.battery, { level: -1 })
})

for (const odd of [
  { device_id: 7 },
  { location: [1], device_id: '7' },
  { location: 'here', device_id: '7' }
]) {
  test(`${JSON.stringify(odd)} is kept with marks`, () => {
    const { data, attributes, tracker } = decode(odd)
    assert.equal(tracker, '7')
    assert.deepEqual(attributes, { protocol: 'osmand', fix: 'none', time: 'arrival' })
    assert.notEqual(data['source'], undefined)
  })
}

for (const text of ['', '[]', 'null', '{', `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`]) {
  test(`${JSON.stringify(text.slice(0, 20))} is no message`, () => {
    assert.throws(() => decodeOsmandJson(text, nowMs), { code: 'invalid', message: /body/ })
  })
}
