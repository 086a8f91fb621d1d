import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate } from 'mqtt-packet'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import {
  publish,
  pubrel,
  quiet,
  RawMqtt,
  subscribe,
  until
} from '../../../support/mqtt-raw-client.ts'

const payloads = (client: RawMqtt): string[] =>
  client.all('publish').map((packet) => (packet.cmd === 'publish' ? String(packet.payload) : ''))

test('with pubsub on, a topic without a route goes to those who subscribed to it', async (t) => {
  const { admission, port } = await startFront(t, { pubsub: true })
  const listener = await RawMqtt.connected(t, port, { clientId: 'listener' })
  listener.write(subscribe('rooms/#'))
  await listener.next('suback')
  const sender = await RawMqtt.connected(t, port, { clientId: 'sender' })
  sender.write(
    publish('rooms/hall', 'zero', { qos: 0 }),
    publish('rooms/hall', 'one', { qos: 1, id: 1 }),
    publish('streams/telemetry/k', 'record', { qos: 1, id: 2 })
  )
  await sender.next('puback', 2)
  await listener.next('publish', 2)
  assert.deepEqual(payloads(listener).sort(), ['one', 'zero'])
  assert.deepEqual(admission.texts(), ['record'])
})

test('QoS 2 between clients is completed by the broker, on topics with a route by the front', async (t) => {
  const { admission, port } = await startFront(t, { pubsub: true })
  const client = await RawMqtt.connected(t, port)
  client.write(subscribe('rooms/#'))
  await client.next('suback')
  client.write(publish('rooms/hall', 'between', { qos: 2, id: 1 }))
  await client.next('pubrec')
  client.write(publish('streams/telemetry/k', 'record', { qos: 2, id: 2 }))
  await client.next('pubrec', 2)
  client.write(pubrel(1), pubrel(2))
  await client.next('pubcomp', 2)
  assert.deepEqual(payloads(client), ['between'])
  assert.deepEqual(admission.texts(), ['record'])
})

test('nobody hears a message with a route, nor one of the product, whatever the wildcard', async (t) => {
  const { port } = await startFront(t, { pubsub: true })
  const listener = await RawMqtt.connected(t, port, { clientId: 'listener', username: 'listener' })
  listener.write(subscribe('#', 1), subscribe('+/v1/pi-4/ack', 2), subscribe('+/telemetry/k', 3))
  await listener.next('suback', 3)
  const sender = await RawMqtt.connected(t, port, { clientId: 'pi-4', username: 'pi-4' })
  sender.write(publish('streams/telemetry/k', 'record', { id: 1 }))
  await sender.next('puback')
  const other = await RawMqtt.connected(t, port, { clientId: 'other' })
  other.write(publish('rooms/hall', 'heard', { id: 1 }))
  await listener.next('publish')
  assert.deepEqual(payloads(listener), ['heard'])
})

test('without pubsub there is nothing to subscribe to, and nothing to unsubscribe from', async (t) => {
  const { port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  client.write(subscribe('rooms/#'))
  const suback = await client.next('suback')
  assert.deepEqual(suback.cmd === 'suback' && suback.granted, [128])
  client.write(generate({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['rooms/#'] }))
  await client.next('unsuback')
  assert.deepEqual(client.ids('unsuback'), [7])
})

test('subscriptions of one connection are limited, and freed by UNSUBSCRIBE', async (t) => {
  const { port } = await startFront(t, { pubsub: true, limits: { subscriptions: 2 } })
  const client = await RawMqtt.connected(t, port)
  const granted = async (topic: string, id: number): Promise<unknown> => {
    client.write(subscribe(topic, id))
    await until(() => client.ids('suback').includes(id))
    const suback = client.all('suback').find((packet) => packet.messageId === id)
    return suback?.cmd === 'suback' && suback.granted[0]
  }
  assert.equal(await granted('a', 1), 1)
  assert.equal(await granted('b', 2), 1)
  assert.equal(await granted('c', 3), 128)
  client.write(generate({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['a'] }))
  await client.next('unsuback')
  assert.equal(await granted('c', 5), 1)
})

test('nothing is retained', async (t) => {
  const { port } = await startFront(t, { pubsub: true })
  const sender = await RawMqtt.connected(t, port, { clientId: 'sender' })
  sender.write(publish('rooms/hall', 'kept', { id: 1, retain: true }))
  await sender.next('puback')
  const listener = await RawMqtt.connected(t, port, { clientId: 'listener' })
  listener.write(subscribe('rooms/#'))
  await listener.next('suback')
  await quiet()
  assert.deepEqual(listener.all('publish'), [])
})

test('acknowledgements never fall into a message of the broker', async (t) => {
  const { port } = await startFront(t, { pubsub: true })
  const client = await RawMqtt.connected(t, port)
  client.write(subscribe('rooms/#'))
  await client.next('suback')
  const sender = await RawMqtt.connected(t, port, { clientId: 'sender' })
  const body = 'x'.repeat(5000)
  for (let id = 1; id <= 200; id++) {
    sender.write(publish('rooms/hall', body, { qos: 0 }))
    client.write(publish('streams/telemetry/k', 'm', { id }))
    if (id % 20 === 0) await quiet()
  }
  await client.next('puback', 200)
  await client.next('publish', 200)
  assert.ok(payloads(client).every((payload) => payload === body))
  assert.deepEqual(
    client.ids('puback'),
    Array.from({ length: 200 }, (_, i) => i + 1)
  )
})

test('a client that does not read what it subscribed to is closed, the others go on', async (t) => {
  const limits = { outboundBytes: 256 * 1024 }
  const { front, port } = await startFront(t, { pubsub: true, limits })
  const slow = await RawMqtt.connected(t, port, { clientId: 'slow' })
  slow.write(subscribe('rooms/#'))
  await slow.next('suback')
  slow.socket.pause()
  const sender = await RawMqtt.connected(t, port, { clientId: 'sender' })
  const body = 'x'.repeat(60_000)
  for (let id = 1; front.stats().closed['slow_consumer'] === undefined; id++) {
    assert.ok(id < 1000)
    sender.write(publish('rooms/hall', body, { qos: 1, id }))
    await sender.next('puback', id)
  }
  sender.write(publish('streams/telemetry/k', 'm', { id: 1001 }))
  await until(() => sender.ids('puback').includes(1001))
})
