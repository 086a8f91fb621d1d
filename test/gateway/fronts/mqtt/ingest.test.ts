import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyOf } from '../../../../shared/record.ts'
import { textsOf } from '../../../support/fake-admission.ts'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import {
  connectPacket,
  disconnect,
  ping,
  publish,
  quiet,
  RawMqtt,
  until
} from '../../../support/mqtt-raw-client.ts'

test('a message of QoS 1 is acknowledged when its record is durable, not before', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(publish('streams/telemetry/engine/1', 'hot', { id: 7 }))
  await until(() => admission.held === 1)
  await quiet()
  assert.deepEqual(client.all('puback'), [])
  admission.release()
  await client.next('puback')
  assert.deepEqual(client.ids('puback'), [7])
  const [batch] = admission.batches
  assert.equal(batch?.stream, 'telemetry')
  assert.equal(batch && keyOf(batch.records, 0), 'engine/1')
  assert.equal(batch?.header, undefined)
})

test('all messages of one read for one stream are one batch, in order, answered by one write', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  client.write(
    ...[1, 2, 3, 4, 5].map((id) => publish(`streams/telemetry/k${id % 2}`, `m${id}`, { id }))
  )
  await client.next('puback', 5)
  assert.equal(admission.batches.length, 1)
  assert.deepEqual(admission.texts(), ['m1', 'm2', 'm3', 'm4', 'm5'])
  const records = admission.batches[0]?.records
  assert.deepEqual(records?.keys, ['k1', 'k0'])
  assert.deepEqual(client.ids('puback'), [1, 2, 3, 4, 5])
  assert.equal(client.chunks.at(-1)?.length, 5 * 4)
})

test('messages of one read for two streams are acknowledged in the order they came', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(...[1, 2, 3, 4].map((id) => publish(`streams/s${id % 2}/k`, `m${id}`, { id })))
  await until(() => admission.held === 2)
  admission.release(1)
  await quiet()
  assert.deepEqual(client.ids('puback'), [])
  admission.release()
  await client.next('puback', 4)
  assert.deepEqual(client.ids('puback'), [1, 2, 3, 4])
})

test('what comes while a batch is under way waits and becomes the next one', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(publish('streams/telemetry/k', 'm1', { id: 1 }))
  await until(() => admission.held === 1)
  for (const id of [2, 3, 4]) {
    client.write(publish('streams/telemetry/k', `m${id}`, { id }))
    await quiet()
  }
  assert.equal(admission.batches.length, 1)
  admission.release()
  await client.next('puback', 4)
  assert.deepEqual(admission.batches.map(textsOf), [['m1'], ['m2', 'm3', 'm4']])
  assert.deepEqual(client.ids('puback'), [1, 2, 3, 4])
})

test('a message is taken however its bytes are cut', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.open(t, port)
  const bytes = Buffer.concat([
    connectPacket({ username: 'device-1' }),
    publish('streams/telemetry/k', 'x'.repeat(200), { id: 1 }),
    publish('streams/telemetry/k', '', { id: 2 }),
    ping
  ])
  for (const byte of bytes) {
    client.socket.write(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await client.next('pingresp')
  await client.next('puback', 2)
  assert.deepEqual(admission.texts(), ['x'.repeat(200), ''])
})

test('nothing is admitted before the CONNACK, also when both come in one segment', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.open(t, port)
  const authenticate = admission.authenticate.bind(admission)
  let letIn = (): void => undefined
  const asked = new Promise<void>((resolve) => {
    letIn = resolve
  })
  admission.authenticate = async (credentials) => {
    await asked
    return authenticate(credentials)
  }
  client.write(connectPacket(), publish('streams/telemetry/k', 'early', { id: 1 }))
  client.write(publish('streams/telemetry/k', 'later', { id: 2 }))
  await quiet()
  assert.deepEqual(admission.batches, [])
  assert.equal(client.received.length, 0)
  letIn()
  await client.next('puback', 2)
  assert.equal(client.received[0]?.cmd, 'connack')
  assert.deepEqual(admission.texts(), ['early', 'later'])
})

test('messages behind a CONNECT that is refused are never admitted', async (t) => {
  const { admission, port } = await startFront(t)
  admission.tokens = new Map([['device-1', 'secret']])
  const client = await RawMqtt.open(t, port)
  client.write(
    connectPacket({ username: 'device-1', password: Buffer.from('wrong') }),
    publish('streams/telemetry/k', 'early', { id: 1 })
  )
  await client.gone()
  assert.deepEqual(
    client.received.map((packet) => packet.cmd),
    ['connack']
  )
  assert.deepEqual(admission.batches, [])
})

test('a DUP of a message without an answer is the same message', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(publish('streams/telemetry/k', 'once', { id: 3 }))
  await until(() => admission.held === 1)
  client.write(publish('streams/telemetry/k', 'once', { id: 3, dup: true }))
  await quiet()
  admission.release()
  await client.next('puback')
  client.write(publish('streams/telemetry/k', 'new', { id: 3 }))
  await client.next('puback', 2)
  await quiet()
  assert.deepEqual(admission.texts(), ['once', 'new'])
  assert.deepEqual(client.ids('puback'), [3, 3])
})

test('a message of QoS 0 is admitted, unanswered, also when its client goes at once', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(publish('streams/telemetry/k', 'm1', { qos: 0 }))
  await until(() => admission.held === 1)
  client.write(publish('streams/telemetry/k', 'm2', { qos: 0 }), disconnect)
  await client.gone()
  admission.release()
  await until(() => admission.batches.length === 2)
  assert.deepEqual(admission.texts(), ['m1', 'm2'])
  assert.deepEqual(client.ids('puback'), [])
})

test('the retain flag of a message with a route is ignored', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  client.write(publish('streams/telemetry/k', 'kept', { id: 1, retain: true }))
  await client.next('puback')
  assert.deepEqual(admission.texts(), ['kept'])
})

test('a topic without a key takes the device as key, a configured route comes first', async (t) => {
  const { admission, port } = await startFront(t, {
    routes: [{ topic: 'sensors/+/temp/#', stream: 'climate', key: '{device}:{1}:{2}' }]
  })
  const client = await RawMqtt.connected(t, port, { username: 'pi-4' })
  client.write(publish('streams/telemetry', 'a', { id: 1 }))
  client.write(publish('sensors/hall/temp/x/y', 'b', { id: 2 }))
  await client.next('puback', 2)
  const places = admission.batches.map(({ stream, records }) => [stream, records.keys[0]])
  assert.deepEqual(places, [
    ['telemetry', 'pi-4'],
    ['climate', 'pi-4:hall:x/y']
  ])
})

test('messages that admission never saw are left to a client whose connection broke', async (t) => {
  const { admission, port, front } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(publish('streams/telemetry/k', 'm1', { id: 1 }))
  await until(() => admission.held === 1)
  client.write(publish('streams/telemetry/k', 'm2', { id: 2 }))
  client.write(publish('streams/telemetry/k', 'm3', { qos: 0 }))
  await until(() => front.stats().messages === 3)
  client.socket.destroy()
  await until(() => front.stats().connections === 0)
  admission.release()
  await quiet()
  assert.deepEqual(admission.texts(), ['m1'])
  assert.equal(front.stats().droppedQos0, 1)
  assert.equal(front.stats().pendingBytes, 0)
})
