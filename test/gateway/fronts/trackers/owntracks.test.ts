import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeOwntracks, readOwntracks } from '../../../../gateway/fronts/trackers/owntracks.ts'

const nowMs = Date.UTC(2026, 5, 1)
const tst = 1_766_822_400

function decode(message: unknown) {
  const { data, ...rest } = decodeOwntracks(JSON.stringify(message), nowMs)
  return { ...rest, data: JSON.parse(data.toString()) as Record<string, unknown> }
}

const location = {
  _type: 'location',
  _id: '1f6c2a90',
  acc: 11,
  alt: 312,
  batt: 64,
  bs: 2,
  cog: 118,
  conn: 'm',
  lat: 47.0707,
  lon: 15.4395,
  t: 'u',
  tid: 'JJ',
  tst,
  vac: 3,
  vel: 36
}

test('a location is a point in our units, with what is left as it came', () => {
  assert.deepEqual(decode(location), {
    timeMs: tst * 1000,
    attributes: { protocol: 'owntracks' },
    repeatable: true,
    data: {
      lat: 47.0707,
      lon: 15.4395,
      alt: 312,
      speed: 10,
      course: 118,
      accuracy: 11,
      battery: 64,
      charging: true,
      source: {
        _type: 'location',
        _id: '1f6c2a90',
        bs: 2,
        conn: 'm',
        t: 'u',
        tid: 'JJ',
        tst,
        vac: 3,
        vel: 36
      }
    }
  })
})

test('a transition is where the phone is', () => {
  const transition = {
    _type: 'transition',
    wtst: 1_700_000_000,
    lat: 1,
    lon: 2,
    tst,
    acc: 5,
    event: 'enter',
    desc: 'Home'
  }
  const { data, timeMs, attributes } = decode(transition)
  assert.equal(timeMs, tst * 1000)
  assert.deepEqual(attributes, { protocol: 'owntracks' })
  assert.deepEqual([data['lat'], data['lon'], data['accuracy']], [1, 2, 5])
})

test('the coordinates of a waypoint are not those of the phone', () => {
  const waypoint = { _type: 'waypoint', desc: 'Home', lat: 1, lon: 2, rad: 50, tst }
  const { data, attributes, repeatable } = decode(waypoint)
  assert.deepEqual(data, { source: waypoint })
  assert.deepEqual(attributes, { protocol: 'owntracks', fix: 'none' })
  assert.equal(repeatable, false)
})

test('a will has the time it came, not the one it was written at', () => {
  const { timeMs, attributes } = decode({ _type: 'lwt', tst })
  assert.equal(timeMs, nowMs)
  assert.equal(attributes['time'], 'arrival')
})

test('what is encrypted is kept as it is, once', () => {
  const encrypted = { _type: 'encrypted', data: 'P1z0Pq4cWyVcNxUGwb' }
  const { data, attributes, repeatable } = decode(encrypted)
  assert.deepEqual(data, { source: encrypted })
  assert.deepEqual(attributes, { protocol: 'owntracks', fix: 'none', time: 'arrival' })
  assert.equal(repeatable, true)
})

for (const [member, value] of [
  ['vel', -1],
  ['batt', -100],
  ['cog', -1]
] as const) {
  test(`${member} ${value} stands for unknown and stays as it came`, () => {
    const { data } = decode({ ...location, [member]: value })
    assert.equal((data['source'] as Record<string, unknown>)[member], value)
  })
}

test('without a time of its own a location is no repeat of an equal one', () => {
  const { repeatable, attributes } = decode({ _type: 'location', lat: 1, lon: 2 })
  assert.equal(repeatable, false)
  assert.deepEqual(attributes, { protocol: 'owntracks', time: 'arrival' })
})

for (const payload of [
  Buffer.alloc(0),
  Buffer.from('online'),
  Buffer.from([0xff, 0xfe]),
  Buffer.from('[]')
]) {
  test(`${JSON.stringify(payload.toString('latin1'))} over MQTT is kept byte for byte`, () => {
    const point = readOwntracks(payload, nowMs)
    assert.deepEqual(point.data, payload)
    assert.equal(point.attributes['form'], 'raw')
  })
}

test('over MQTT any bytes and any JSON are a point', () => {
  const members = fc.record({
    _type: fc.constantFrom('location', 'transition', 'lwt', 'x'),
    lat: fc.jsonValue(),
    lon: fc.jsonValue(),
    tst: fc.jsonValue(),
    bs: fc.jsonValue()
  })
  const text = fc.oneof(
    fc.json(),
    members.map((one) => JSON.stringify(one))
  )
  const bytes = fc.oneof(
    fc.uint8Array(),
    text.map((one) => Buffer.from(one))
  )
  fc.assert(
    fc.property(bytes, (payload) => {
      const { data, timeMs, attributes } = readOwntracks(Buffer.from(payload), nowMs)
      assert.ok(timeMs > 0 && timeMs <= nowMs + 86_400_000)
      if (attributes['form'] === undefined) JSON.parse(data.toString())
      else assert.deepEqual(data, Buffer.from(payload))
    })
  )
})
