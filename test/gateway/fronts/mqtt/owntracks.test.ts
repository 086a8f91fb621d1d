import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyOf } from '../../../../shared/record.ts'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import { connectPacket, publish, RawMqtt, until } from '../../../support/mqtt-raw-client.ts'

const routes = [{ topic: 'owntracks/+/+/#', stream: 'telemetry', as: 'owntracks' }] as const
const place = { _type: 'location', lat: 48.2, lon: 16.3, tst: 946_684_800, vel: 36 }

test('a message of OwnTracks is a point: user and device are its key, its time is that of the fix', async (t) => {
  const { admission, clock, port } = await startFront(t, { routes })
  const client = await RawMqtt.connected(t, port)
  client.write(
    publish('owntracks/jane/phone', JSON.stringify(place), { id: 1 }),
    publish('owntracks/jane/phone/event', '{"_type":"transition","lat":1,"lon":2}', { id: 2 }),
    publish('owntracks/jane/phone/status', 'not of the app', { id: 3 }),
    publish('streams/telemetry/jane', JSON.stringify(place), { id: 4 })
  )
  await client.next('puback', 4)
  const records = admission.batches[0]?.records
  assert.ok(records)
  assert.deepEqual(
    [0, 1, 2, 3].map((i) => keyOf(records, i)),
    ['jane/phone', 'jane/phone', 'jane/phone', 'jane']
  )
  const nowMs = clock.wallMs()
  assert.deepEqual([...records.times], [946_684_800_000, nowMs, nowMs, nowMs])
  assert.deepEqual(admission.texts(), [
    '{"lat":48.2,"lon":16.3,"speed":10,"source":{"_type":"location","tst":946684800,"vel":36}}',
    '{"lat":1,"lon":2,"source":{"_type":"transition"}}',
    'not of the app',
    JSON.stringify(place)
  ])
  assert.deepEqual(records.attributes, [
    { protocol: 'owntracks' },
    { protocol: 'owntracks', time: 'arrival' },
    { protocol: 'owntracks', form: 'raw', fix: 'none', time: 'arrival' },
    null
  ])
})

test('the will of OwnTracks is a point too', async (t) => {
  const { admission, port } = await startFront(t, { routes })
  const payload = Buffer.from('{"_type":"lwt","tst":946684800}')
  const will = { topic: 'owntracks/jane/phone', payload, qos: 1, retain: true } as const
  const client = await RawMqtt.connected(t, port, { will })
  client.socket.destroy()
  await until(() => admission.batches.length === 1)
  assert.deepEqual(admission.texts(), ['{"source":{"_type":"lwt","tst":946684800}}'])
  assert.deepEqual(admission.batches[0]?.records.keys, ['jane/phone'])
})

test('a client of MQTT 3.1, the default of OwnTracks on Android, is served', async (t) => {
  const { admission, port } = await startFront(t, { routes })
  const client = await RawMqtt.connected(t, port, { protocolId: 'MQIsdp', protocolVersion: 3 })
  client.write(publish('owntracks/jane/phone', JSON.stringify(place), { id: 1 }))
  await client.next('puback')
  assert.equal(admission.batches.length, 1)
})

test('a key of OwnTracks that asks for more wildcards than the route has does not start', async (t) => {
  const bad = [{ topic: 'owntracks/#', stream: 'telemetry', as: 'owntracks' }] as const
  await assert.rejects(() => startFront(t, { routes: bad }), {
    code: 'config',
    message: /"owntracks\/#".*\{2\}/
  })
})

test('with ids: device nothing of another tracker is stored or acknowledged, its will neither', async (t) => {
  const { admission, front, port } = await startFront(t, { routes, trackerIds: 'device' })
  admission.tokens = new Map([['jane', 'secret']])
  const login = { username: 'jane', password: Buffer.from('secret') }
  const client = await RawMqtt.connected(t, port, login)
  client.write(
    publish('owntracks/jane/phone', JSON.stringify(place), { id: 1 }),
    publish('owntracks/joe/phone', JSON.stringify(place), { id: 2 })
  )
  await client.gone()
  assert.deepEqual(client.ids('puback'), [1])
  assert.deepEqual(admission.batches[0]?.records.keys, ['jane/phone'])
  assert.equal(admission.texts().length, 1)
  assert.deepEqual(front.stats().refused, { forbidden: 1 })

  const payload = Buffer.from('{"_type":"lwt","tst":946684800}')
  const will = { topic: 'owntracks/joe/phone', payload, qos: 1, retain: true } as const
  const refused = await RawMqtt.open(t, port)
  refused.write(connectPacket({ ...login, will }))
  const connack = await refused.next('connack')
  assert.equal(connack.cmd === 'connack' && connack.returnCode, 5)
})
