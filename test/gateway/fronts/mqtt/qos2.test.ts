import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import { publish, pubrel, quiet, RawMqtt, until } from '../../../support/mqtt-raw-client.ts'

const topic = 'streams/telemetry/k'

test('QoS 2 takes a message once: PUBREC when durable, a repeat before PUBREL is the same', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(publish(topic, 'once', { qos: 2, id: 5 }))
  await until(() => admission.held === 1)
  client.write(publish(topic, 'once', { qos: 2, id: 5, dup: true }))
  await quiet()
  assert.deepEqual(client.ids('pubrec'), [])
  admission.release()
  await client.next('pubrec')
  client.write(publish(topic, 'once', { qos: 2, id: 5, dup: true }))
  await client.next('pubrec', 2)
  client.write(pubrel(5))
  await client.next('pubcomp')
  client.write(publish(topic, 'next', { qos: 2, id: 5 }))
  await client.next('pubrec', 3)
  assert.deepEqual(admission.texts(), ['once', 'next'])
})

test('a lasting session remembers a QoS 2 message over a reconnect, and says so', async (t) => {
  const { admission, port } = await startFront(t)
  const first = await RawMqtt.connected(t, port, { clean: false })
  first.write(publish(topic, 'once', { qos: 2, id: 5 }))
  await first.next('pubrec')
  first.socket.destroy()
  const second = await RawMqtt.connected(t, port, { clean: false })
  const [connack] = second.received
  assert.equal(connack?.cmd === 'connack' && connack.sessionPresent, true)
  second.write(publish(topic, 'once', { qos: 2, id: 5, dup: true }))
  await second.next('pubrec')
  second.write(pubrel(5))
  await second.next('pubcomp')
  assert.deepEqual(admission.texts(), ['once'])
})

test('a repeat over a new connection waits for the first copy that is still under way', async (t) => {
  const { admission, port } = await startFront(t)
  const first = await RawMqtt.connected(t, port, { clean: false })
  admission.hold()
  first.write(publish(topic, 'once', { qos: 2, id: 5 }))
  await until(() => admission.held === 1)
  const second = await RawMqtt.connected(t, port, { clean: false })
  await first.gone()
  second.write(publish(topic, 'once', { qos: 2, id: 5, dup: true }))
  await quiet()
  assert.deepEqual(second.ids('pubrec'), [])
  admission.release()
  await second.next('pubrec')
  assert.deepEqual(admission.texts(), ['once'])
})

test('a clean session begins with no memory of QoS 2', async (t) => {
  const { admission, port } = await startFront(t)
  const first = await RawMqtt.connected(t, port, { clean: false })
  first.write(publish(topic, 'a', { qos: 2, id: 5 }))
  await first.next('pubrec')
  first.socket.destroy()
  const second = await RawMqtt.connected(t, port, { clean: true })
  const [connack] = second.received
  assert.equal(connack?.cmd === 'connack' && connack.sessionPresent, false)
  second.write(publish(topic, 'b', { qos: 2, id: 5 }))
  await second.next('pubrec')
  assert.deepEqual(admission.texts(), ['a', 'b'])
})

test('another device with the same client id has a session of its own', async (t) => {
  const { admission, port } = await startFront(t)
  const options = { clean: false, clientId: 'same' }
  const first = await RawMqtt.connected(t, port, { ...options, username: 'a' })
  first.write(publish(topic, 'of a', { qos: 2, id: 5 }))
  await first.next('pubrec')
  const second = await RawMqtt.connected(t, port, { ...options, username: 'b' })
  second.write(publish(topic, 'of b', { qos: 2, id: 5 }))
  await second.next('pubrec')
  assert.equal(first.closed, false)
  assert.deepEqual(admission.texts(), ['of a', 'of b'])
})

test('PUBREL for an id that nobody knows is completed', async (t) => {
  const { port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  client.write(pubrel(99))
  await client.next('pubcomp')
  assert.deepEqual(client.ids('pubcomp'), [99])
})

test('PUBREL before PUBREC breaks the protocol', async (t) => {
  const { admission, front, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(publish(topic, 'm', { qos: 2, id: 5 }), pubrel(5))
  await client.gone()
  assert.deepEqual(front.stats().closed, { protocol: 1 })
})

test('a session holds no more QoS 2 messages without PUBREL than its limit', async (t) => {
  const { front, port } = await startFront(t, { limits: { qos2Messages: 3 } })
  const client = await RawMqtt.connected(t, port)
  for (let id = 1; id <= 4; id++) client.write(publish(topic, 'm', { qos: 2, id }))
  await client.gone()
  assert.deepEqual(front.stats().closed, { too_large: 1 })
})

test('a rejected QoS 2 message gets no PUBREC and leaves its id free', async (t) => {
  const { admission, port } = await startFront(t)
  admission.judge = (_batch, index) => (index === 0 ? { code: 'invalid', message: 'no' } : {})
  const first = await RawMqtt.connected(t, port, { clean: false })
  first.write(publish(topic, 'bad', { qos: 2, id: 5 }))
  await first.gone()
  assert.deepEqual(first.ids('pubrec'), [])
  const second = await RawMqtt.connected(t, port, { clean: false })
  second.write(publish(topic, 'good', { qos: 2, id: 5 }))
  await second.next('pubrec')
  assert.deepEqual(admission.texts(), ['bad', 'good'])
})
