import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IConnectPacket } from 'mqtt-packet'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import {
  connectPacket,
  disconnect,
  publish,
  quiet,
  RawMqtt,
  subscribe,
  until
} from '../../../support/mqtt-raw-client.ts'

const will = (topic: string, qos: 0 | 1 = 1): Partial<IConnectPacket> => ({
  will: { topic, payload: Buffer.from('gone'), qos, retain: true }
})

test('a will on a topic with a route is admitted when the connection breaks, after its messages', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, will('streams/telemetry/status'))
  admission.hold()
  client.write(publish('streams/telemetry/k', 'last words', { id: 1 }))
  await until(() => admission.held === 1)
  client.socket.destroy()
  await quiet()
  admission.release()
  await until(() => admission.batches.length === 2)
  assert.deepEqual(admission.texts(), ['last words', 'gone'])
  assert.deepEqual(admission.batches[1]?.records.keys, ['status'])
})

test('a will is not published after DISCONNECT', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, will('streams/telemetry/status'))
  client.write(disconnect)
  await client.gone()
  await quiet()
  assert.deepEqual(admission.batches, [])
})

test('a will is not published when the gateway stops or the device was revoked', async (t) => {
  const { admission, front, clock, port } = await startFront(t)
  admission.tokens = new Map([['a', 's']])
  const options = { ...will('streams/telemetry/status'), password: Buffer.from('s') }
  const revoked = await RawMqtt.connected(t, port, { ...options, username: 'a' })
  admission.revoke('a')
  await clock.advance(500)
  await revoked.gone()
  admission.tokens = undefined
  const stopped = await RawMqtt.connected(t, port, { ...options, username: 'b' })
  await front.stop(AbortSignal.timeout(5000))
  await stopped.gone()
  assert.deepEqual(admission.batches, [])
})

test('a will of QoS 1 is offered to a throttled stream for a minute, one of QoS 0 once', async (t) => {
  const { admission, clock, front, port } = await startFront(t)
  admission.judge = () => ({ code: 'throttled' })
  const qos0 = await RawMqtt.connected(t, port, will('streams/telemetry/k', 0))
  qos0.socket.destroy()
  await until(() => front.stats().droppedQos0 === 1)
  const qos1 = await RawMqtt.connected(t, port, will('streams/telemetry/k', 1))
  qos1.socket.destroy()
  await until(() => admission.batches.length === 2)
  await clock.advance(30_000)
  admission.judge = () => ({})
  await clock.advance(30_000)
  const offered = admission.batches.length
  assert.ok(offered > 3)
  await clock.advance(60_000)
  assert.equal(admission.batches.length, offered)
})

for (const topic of ['$SYS/x', 'headwater/v1/other/batch', 'headwater/v1/device-1/batch']) {
  test(`a CONNECT with a will on ${topic} is refused`, async (t) => {
    const { port } = await startFront(t, { pubsub: true })
    const client = await RawMqtt.open(t, port)
    client.write(connectPacket(will(topic)))
    await client.gone()
    assert.deepEqual(Buffer.concat(client.chunks), Buffer.from([0x20, 2, 0, 5]))
  })
}

test('a will without a route is refused alone: named in the log, the client is let in', async (t) => {
  const { front, port, lines } = await startFront(t)
  await RawMqtt.connected(t, port, will('tele/sonoff/LWT'))
  assert.deepEqual(front.stats().refused, { no_route: 1 })
  assert.equal(lines[0]?.['topic'], 'tele/sonoff/LWT')
})

test('a will on a topic between clients is the broker’s, if it is told of the client at once', async (t) => {
  const { admission, port } = await startFront(t, { pubsub: true })
  const listener = await RawMqtt.connected(t, port, { clientId: 'listener' })
  listener.write(subscribe('rooms/#'))
  await listener.next('suback')
  const polite = await RawMqtt.connected(t, port, { clientId: 'b', ...will('rooms/hall') })
  polite.write(disconnect)
  await polite.gone()
  await quiet()
  assert.deepEqual(listener.all('publish'), [])
  const client = await RawMqtt.connected(t, port, will('rooms/hall'))
  client.socket.destroy()
  const message = await listener.next('publish')
  assert.equal(message.cmd === 'publish' && message.topic, 'rooms/hall')
  assert.deepEqual(admission.batches, [])
})

test('a will between clients is not published either when the device was revoked', async (t) => {
  const { admission, clock, port } = await startFront(t, { pubsub: true })
  admission.tokens = new Map([
    ['a', 's'],
    ['b', 's']
  ])
  const login = (username: string) => ({ username, clientId: username, password: Buffer.from('s') })
  const listener = await RawMqtt.connected(t, port, login('b'))
  listener.write(subscribe('rooms/#'))
  await listener.next('suback')
  const revoked = await RawMqtt.connected(t, port, { ...login('a'), ...will('rooms/hall') })
  await quiet()
  admission.revoke('a')
  await clock.advance(500)
  await revoked.gone()
  await quiet()
  assert.deepEqual(listener.all('publish'), [])
})
