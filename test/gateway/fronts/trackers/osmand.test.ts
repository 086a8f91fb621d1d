import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeOsmand } from '../../../../gateway/fronts/trackers/osmand.ts'

const nowMs = Date.UTC(2026, 5, 1)

function decode(query: string) {
  const { tracker, point } = decodeOsmand(new URLSearchParams(query), nowMs)
  const { data, ...rest } = point
  return { tracker, ...rest, data: JSON.parse(data.toString()) as Record<string, unknown> }
}

test('what Traccar Client 8 sends is a point in our units, with what is left as it came', () => {
  const query =
    'id=123456&timestamp=1766822400&lat=48.2082&lon=16.3738&speed=10.0&bearing=270.5&altitude=171.5&accuracy=4.2&batt=87.0&charge=true&mock=true'
  assert.deepEqual(decode(query), {
    tracker: '123456',
    timeMs: 1_766_822_400_000,
    attributes: { protocol: 'osmand' },
    repeatable: true,
    data: {
      lat: 48.2082,
      lon: 16.3738,
      alt: 171.5,
      speed: 5.144,
      course: 270.5,
      accuracy: 4.2,
      battery: 87,
      charging: true,
      source: { id: '123456', timestamp: '1766822400', speed: '10.0', mock: 'true' }
    }
  })
})

// The requests of the Traccar server's own tests.
for (const [query, expected] of [
  [
    'id=902064&lat=42.06288&lon=-88.23412&timestamp=2016-01-27T18%3A55%3A47Z&hdop=6.0&altitude=224.0&speed=0.0',
    { lat: 42.06288, lon: -88.23412, alt: 224, speed: 0, hdop: 6 }
  ],
  [
    'lat=49.60688&lon=6.15788&timestamp=2014-06-04+09%3A10%3A11&altitude=384.7&speed=0.0&id=353861053849681',
    { lat: 49.60688, lon: 6.15788, alt: 384.7, speed: 0 }
  ],
  [
    'lat=60.0&lon=30.0&speed=0.0&heading=0.0&vacc=0&hacc=0&altitude=0&deviceid=123456',
    { lat: 60, lon: 30, alt: 0, speed: 0, course: 0 }
  ],
  [
    'id=861001000719969&lat=41.666667&lon=-0.883333&altitude=350.059479&speed=0.000000&batt=87',
    { lat: 41.666667, lon: -0.883333, alt: 350.059479, speed: 0, battery: 87 }
  ],
  ['id=123456&timestamp=1377177267&location=60.0,30.0', { lat: 60, lon: 30 }]
] as const) {
  test(`${query} has its position and facts`, () => {
    const { data, attributes, tracker } = decode(query)
    const { source: _source, ...facts } = data
    assert.deepEqual(facts, expected)
    assert.equal(attributes['fix'], undefined)
    assert.match(tracker ?? '', /^\d+$/)
  })
}

test('a request without a position is kept: parameters that come twice are lists', () => {
  const { data, attributes } = decode(
    'id=1&timestamp=1766822400&cell=257,02,16,2224&cell=257,02,16,2223,-90&wifi=00-14-22-01-23-45,-80&alarm=sos'
  )
  assert.deepEqual(attributes, { protocol: 'osmand', fix: 'none' })
  assert.deepEqual(data, {
    source: {
      id: '1',
      timestamp: '1766822400',
      cell: ['257,02,16,2224', '257,02,16,2223,-90'],
      wifi: '00-14-22-01-23-45,-80',
      alarm: 'sos'
    }
  })
})

for (const position of [
  'lat=0.0&lon=0.0',
  'lat=91&lon=0',
  'lat=1&lon=180.5',
  'lat=1',
  'lat=NaN&lon=1',
  'lat=&lon=',
  'lat=1&lon=2&valid=false',
  'lat=1&lat=2&lon=3',
  'location=91,2',
  'location=1,2&valid=0'
]) {
  test(`${position} is no position: the point is kept with a mark and its words`, () => {
    const { data, attributes } = decode(`id=1&timestamp=1766822400&${position}`)
    assert.equal(attributes['fix'], 'invalid')
    assert.equal(data['lat'], undefined)
    assert.equal(data['lon'], undefined)
    const source = data['source'] as Record<string, unknown>
    for (const name of new URLSearchParams(position).keys())
      assert.notEqual(source[name], undefined)
  })
}

for (const timestamp of [
  '',
  'timestamp=0',
  'timestamp=86400',
  'timestamp=yesterday',
  'timestamp=4102444800'
]) {
  test(`with "${timestamp}" for a time the point has the time it came, says so, and is no repeat`, () => {
    const point = decode(`id=1&lat=1&lon=2&${timestamp}`)
    assert.equal(point.timeMs, nowMs)
    assert.deepEqual(point.attributes, { protocol: 'osmand', time: 'arrival' })
    assert.equal(point.repeatable, false)
  })
}

test('numbers that mean nothing stay as they came', () => {
  const { data } = decode(
    'id=1&lat=1&lon=2&speed=-1&bearing=-1&accuracy=bad&batt=-100&hdop=Infinity&charge=1'
  )
  assert.deepEqual(data, {
    lat: 1,
    lon: 2,
    source: {
      id: '1',
      speed: '-1',
      bearing: '-1',
      accuracy: 'bad',
      batt: '-100',
      hdop: 'Infinity',
      charge: '1'
    }
  })
})

test('a parameter named as a member of every object is a parameter like others', () => {
  const { point } = decodeOsmand(new URLSearchParams('id=1&__proto__=x&constructor=y'), nowMs)
  assert.match(point.data.toString(), /"__proto__":"x","constructor":"y"/)
})

test('whatever the parameters are there is a point, and no word of them is lost', () => {
  const known = ['id', 'lat', 'lon', 'location', 'valid', 'timestamp', 'speed', 'batt', 'charge']
  const name = fc.oneof(fc.constantFrom(...known), fc.string())
  const value = fc.oneof(fc.string(), fc.double().map(String), fc.constantFrom('1,2', 'true', '0'))
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (pairs) => {
      const parameters = new URLSearchParams()
      for (const [key, word] of pairs) parameters.append(key, word)
      const { point } = decodeOsmand(parameters, nowMs)
      const { source, ...facts } = JSON.parse(point.data.toString()) as Record<string, unknown>
      const { lat, lon } = facts
      if (lat === undefined || lon === undefined) assert.equal(lat, lon)
      else assert.ok(Math.abs(Number(lat)) <= 90 && Math.abs(Number(lon)) <= 180)
      const kept = new Set(
        Object.values(source as object)
          .flat()
          .concat(Object.values(facts))
      )
      for (const word of parameters.values()) {
        const isKept = kept.has(word) || kept.has(Number(word)) || kept.has(word === 'true')
        assert.ok(isKept || word.split(',').every((part) => kept.has(Number(part))), word)
      }
    })
  )
})
