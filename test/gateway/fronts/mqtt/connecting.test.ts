import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeadwaterError } from '../../../../shared/errors.ts'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import {
  connectPacket,
  ping,
  publish,
  quiet,
  RawMqtt,
  subscribe,
  until
} from '../../../support/mqtt-raw-client.ts'

const topic = 'streams/telemetry/k'

async function answer(client: RawMqtt, connect: Buffer): Promise<Buffer> {
  client.write(connect)
  await client.gone()
  return Buffer.concat(client.chunks)
}

test('an MQTT 5 client is told in its own form that its version is not supported', async (t) => {
  const { port } = await startFront(t)
  const client = await RawMqtt.open(t, port)
  const connack = await answer(client, connectPacket({ protocolVersion: 5 }))
  assert.deepEqual(connack, Buffer.from([0x20, 3, 0, 0x84, 0]))
})

test('MQTT 3.1 is taken as 3.1.1 is', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, { protocolId: 'MQIsdp', protocolVersion: 3 })
  client.write(publish(topic, 'old', { id: 1 }))
  await client.next('puback')
  assert.deepEqual(admission.texts(), ['old'])
})

test('user name, password and address of a client are what it is authenticated by', async (t) => {
  const { admission, port } = await startFront(t)
  admission.tokens = new Map([['pi-4', 'secret']])
  await RawMqtt.connected(t, port, { username: 'pi-4', password: Buffer.from('secret') })
  assert.deepEqual(admission.credentials, [
    { device: 'pi-4', token: 'secret', address: '127.0.0.1', loopback: true }
  ])
})

test('CONNACK says 4 for a wrong token, 5 for none, 3 when nobody can tell', async (t) => {
  const { admission, front, port } = await startFront(t)
  admission.tokens = new Map()
  const wrong = await RawMqtt.open(t, port)
  const credentials = { username: 'pi-4', password: Buffer.from('guess') }
  assert.deepEqual(await answer(wrong, connectPacket(credentials)), Buffer.from([0x20, 2, 0, 4]))
  const none = await RawMqtt.open(t, port)
  assert.deepEqual(await answer(none, connectPacket()), Buffer.from([0x20, 2, 0, 5]))
  admission.authenticate = async () => {
    throw new HeadwaterError('unavailable', 'the store does not answer')
  }
  const unknown = await RawMqtt.open(t, port)
  assert.deepEqual(await answer(unknown, connectPacket()), Buffer.from([0x20, 2, 0, 3]))
  assert.deepEqual(front.stats().closed, { unauthorized: 2, rejected: 1 })
})

for (const id of [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  '#',
  'a/+/b',
  'ü'.repeat(256)
]) {
  test(`client id ${id.slice(0, 20)} is an id like any other`, async (t) => {
    const { admission, port } = await startFront(t)
    for (let i = 1; i <= 2; i++) {
      const client = await RawMqtt.connected(t, port, { clientId: id, clean: i === 1 })
      client.write(publish('streams/telemetry', 'm', { id: i, qos: 2 }), subscribe('x'))
      await client.next('pubrec')
      await client.next('suback')
    }
    assert.equal(admission.batches.length, 2)
  })
}

test('a client without an id gets one if its session is clean, else it is refused', async (t) => {
  const { port } = await startFront(t)
  const clean = await RawMqtt.connected(t, port, { clientId: '', clean: true })
  const lasting = await RawMqtt.open(t, port)
  const bytes = connectPacket({ clientId: 'x', clean: false })
  const withoutId = Buffer.concat([bytes.subarray(0, -3), Buffer.from([0, 0])])
  withoutId[1] = (withoutId[1] ?? 0) - 1
  assert.deepEqual(await answer(lasting, withoutId), Buffer.from([0x20, 2, 0, 2]))
  assert.equal(clean.closed, false)
})

test('a client id of more than 256 characters is refused', async (t) => {
  const { port } = await startFront(t)
  const client = await RawMqtt.open(t, port)
  const connack = await answer(client, connectPacket({ clientId: 'x'.repeat(257) }))
  assert.deepEqual(connack, Buffer.from([0x20, 2, 0, 2]))
})

test('a client that connects again takes the place of its old connection', async (t) => {
  const { front, port } = await startFront(t)
  const old = await RawMqtt.connected(t, port)
  const young = await RawMqtt.connected(t, port)
  await old.gone()
  young.write(ping)
  await young.next('pingresp')
  assert.deepEqual(front.stats().closed, { taken_over: 1 })
})

test('a revoked device is closed within half a second, and nothing of it is admitted', async (t) => {
  const { admission, clock, port, front } = await startFront(t)
  admission.tokens = new Map([
    ['a', 's'],
    ['b', 's']
  ])
  const connect = (username: string) =>
    RawMqtt.connected(t, port, { clientId: username, username, password: Buffer.from('s') })
  const [silent, busy, other] = await Promise.all([connect('a'), connect('b'), connect('b')])
  assert.ok(other)
  admission.revoke('a')
  admission.revoke('b')
  busy.write(publish(topic, 'late', { id: 1 }))
  await busy.gone()
  await clock.advance(500)
  await silent.gone()
  assert.deepEqual(admission.batches, [])
  assert.equal(front.stats().connections, 0)
})

test('the keepalive is enforced at one and a half times, by bytes and not by PINGREQ alone', async (t) => {
  const { clock, front, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, { keepalive: 10 })
  await clock.advance(14_000)
  client.write(publish(topic, 'm', { id: 1 }))
  await client.next('puback')
  await clock.advance(14_000)
  await quiet()
  assert.equal(client.closed, false)
  await clock.advance(1500)
  await client.gone()
  assert.deepEqual(front.stats().closed, { keepalive: 1 })
})

test('a busy publisher is kept by the broker, which does not see its messages', async (t) => {
  const { clock, port } = await startFront(t, { pubsub: true })
  const client = await RawMqtt.connected(t, port, { keepalive: 1 })
  client.write(subscribe('rooms/#'))
  await client.next('suback')
  const end = Date.now() + 1800
  for (let id = 1; Date.now() < end; id++) {
    client.write(publish(topic, 'm', { id }))
    await clock.advance(500)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  assert.equal(client.closed, false)
})

test('a connection without CONNECT is closed after connectTimeoutMs', async (t) => {
  const { clock, front, port } = await startFront(t)
  const client = await RawMqtt.open(t, port)
  client.write(connectPacket().subarray(0, 5))
  await until(() => front.stats().connections === 1)
  await clock.advance(9500)
  await quiet()
  assert.equal(client.closed, false)
  await clock.advance(500)
  await client.gone()
  assert.deepEqual(front.stats().closed, { connect_timeout: 1 })
})

test('connections above the limit are closed unheard', async (t) => {
  const { front, port } = await startFront(t, { limits: { connections: 2 } })
  const kept = [
    await RawMqtt.connected(t, port),
    await RawMqtt.connected(t, port, { clientId: 'b' })
  ]
  const more = await RawMqtt.open(t, port)
  await more.gone()
  assert.equal(front.stats().turnedAway, 1)
  assert.ok(kept.every((client) => !client.closed))
})

const hugeLength = Buffer.from([0xff, 0xff, 0xff, 0x7f])
for (const [what, bytes, reason] of [
  ['a first packet that is no CONNECT', ping, 'protocol'],
  ['a first byte that is no CONNECT', Buffer.from([0x30]), 'protocol'],
  ['a CONNECT that announces 256 MB', Buffer.from([0x10, ...hugeLength]), 'too_large'],
  ['a length of five bytes', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 1]), 'protocol'],
  ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'protocol'],
  ['a CONNECT without its fields', Buffer.from([0x10, 0]), 'protocol']
] as const) {
  test(`${what} ends the connection at once`, async (t) => {
    const { front, port } = await startFront(t)
    const client = await RawMqtt.open(t, port)
    client.write(bytes)
    await client.gone()
    assert.deepEqual(client.received, [])
    assert.deepEqual(front.stats().closed, { [reason]: 1 })
  })
}

for (const [what, bytes, reason] of [
  ['a second CONNECT', connectPacket(), 'protocol'],
  ['a PUBLISH that announces 256 MB', Buffer.from([0x32, ...hugeLength]), 'too_large'],
  ['a PUBLISH of QoS 3', Buffer.from([0x36, 3, 0, 1, 97]), 'protocol'],
  ['a PUBLISH without a packet id', Buffer.from([0x32, 3, 0, 1, 97]), 'protocol'],
  ['a PUBLISH with packet id 0', Buffer.from([0x32, 5, 0, 1, 97, 0, 0]), 'protocol'],
  ['a PUBLISH on an empty topic', Buffer.from([0x30, 2, 0, 0]), 'protocol'],
  ['a PUBLISH on a wildcard', publish('streams/+/k', 'x'), 'protocol'],
  ['a PUBLISH on a topic with a null', publish('streams/a\0/k', 'x'), 'protocol'],
  ['a packet that only a server sends', Buffer.from([0xd0, 0]), 'protocol'],
  ['a SUBSCRIBE of nothing', Buffer.from([0x82, 2, 0, 1]), 'protocol'],
  ['a SUBSCRIBE with packet id 0', Buffer.from([0x82, 6, 0, 0, 0, 1, 97, 0]), 'protocol'],
  ['a SUBSCRIBE of 1 MB', Buffer.from([0x82, 0x80, 0x80, 0x40]), 'too_large'],
  ['a PUBREL without its packet id', Buffer.from([0x62, 0]), 'protocol'],
  ['a reserved packet type', Buffer.from([0x00, 0]), 'protocol'],
  ['an AUTH of MQTT 5', Buffer.from([0xf0, 0]), 'protocol']
] as const) {
  test(`${what} after CONNECT ends the connection at once`, async (t) => {
    const { front, port, lines } = await startFront(t)
    const client = await RawMqtt.connected(t, port)
    client.write(bytes)
    await client.gone()
    assert.deepEqual(front.stats().closed, { [reason]: 1 })
    assert.deepEqual(lines, [])
  })
}
