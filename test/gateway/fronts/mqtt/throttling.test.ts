import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import { ping, publish, quiet, RawMqtt, until } from '../../../support/mqtt-raw-client.ts'

const topic = 'streams/telemetry/k'

test('a throttled message is offered again after Retry-After, and nothing overtakes it', async (t) => {
  const { admission, clock, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  let throttled = 2
  admission.judge = () => (throttled-- > 0 ? { code: 'throttled', retryAfterMs: 1000 } : {})
  client.write(publish(topic, 'm1', { id: 1 }))
  await until(() => admission.batches.length === 1)
  client.write(publish(topic, 'm2', { id: 2 }))
  await quiet()
  await clock.advance(999)
  assert.deepEqual(admission.texts(), ['m1'])
  await clock.advance(5000)
  await clock.advance(5000)
  await client.next('puback', 2)
  assert.deepEqual(admission.texts(), ['m1', 'm1', 'm1', 'm2'])
  assert.deepEqual(client.ids('puback'), [1, 2])
})

test('QoS 0 is dropped and counted while its stream is throttled', async (t) => {
  const { admission, clock, front, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.judge = () => ({ code: 'throttled' })
  client.write(publish(topic, 'a', { qos: 0 }), publish(topic, 'b', { qos: 0 }))
  await until(() => front.stats().droppedQos0 === 2)
  await clock.advance(60_000)
  assert.equal(admission.batches.length, 1)
  assert.equal(client.closed, false)
})

test('PINGREQ is answered while messages wait', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(publish(topic, 'm', { id: 1 }), ping)
  await client.next('pingresp')
  assert.deepEqual(client.ids('puback'), [])
})

test('a connection is not read past its bound, and read again when its messages are durable', async (t) => {
  const pendingBytes = 64 * 1024
  const { admission, front, port } = await startFront(t, { limits: { pendingBytes } })
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  const big = 'x'.repeat(4096)
  for (let id = 1; id <= 5000; id++) client.write(publish(topic, big, { id }))
  await until(() => front.stats().paused === 1)
  await quiet()
  const { messages } = front.stats()
  assert.ok(front.stats().pendingBytes <= pendingBytes + 64 * 1024 + 5000)
  await quiet()
  assert.equal(front.stats().messages, messages)
  admission.release()
  await client.next('puback', 5000)
  assert.deepEqual(
    client.ids('puback'),
    Array.from({ length: 5000 }, (_, i) => i + 1)
  )
  assert.ok(front.stats().pauses > 0)
  assert.equal(front.stats().paused, 0)
  assert.equal(front.stats().pendingBytes, 0)
})

test('all connections together hold no more than the common bound and a read each', async (t) => {
  const limits = { totalPendingBytes: 128 * 1024 }
  const { admission, front, port } = await startFront(t, { limits })
  admission.hold()
  const clients = await Promise.all(
    Array.from({ length: 4 }, (_, i) => RawMqtt.connected(t, port, { clientId: `c${i}` }))
  )
  const big = 'x'.repeat(4096)
  for (const client of clients) {
    for (let id = 1; id <= 500; id++) client.write(publish(topic, big, { id }))
  }
  await until(() => front.stats().paused > 0)
  await quiet()
  assert.ok(front.stats().pendingBytes <= limits.totalPendingBytes + 4 * 80 * 1024)
  admission.release()
  await Promise.all(clients.map((client) => client.next('puback', 500)))
  assert.equal(front.stats().pendingBytes, 0)
})

test('unfinished packets count for the common bound, and do not hold it for ever', async (t) => {
  const limits = { totalPendingBytes: 256 * 1024 }
  const { clock, front, port } = await startFront(t, { limits })
  const half = publish(topic, Buffer.alloc(1024 * 1024)).subarray(0, 100 * 1024)
  const clients = await Promise.all(
    Array.from({ length: 4 }, (_, i) => RawMqtt.connected(t, port, { clientId: `c${i}` }))
  )
  for (const client of clients) client.write(half)
  await until(() => front.stats().paused > 0)
  assert.ok(front.stats().pendingBytes <= 4 * half.length)
  await clock.advance(61_000)
  await until(() => (front.stats().closed['stalled'] ?? 0) > 0)
  assert.ok(front.stats().pendingBytes < limits.totalPendingBytes)
  assert.equal(front.stats().paused, 0)
})

for (const { keepalive, stallMs } of [
  { keepalive: 20, stallMs: 15_000 },
  { keepalive: 0, stallMs: 60_000 }
]) {
  test(`reading stops for ${stallMs} ms at most with keepalive ${keepalive}, then the connection ends`, async (t) => {
    const limits = { pendingBytes: 1024 }
    const { admission, clock, front, port } = await startFront(t, { limits })
    const client = await RawMqtt.connected(t, port, { keepalive })
    admission.judge = () => ({ code: 'unavailable', retryAfterMs: 1000 })
    client.write(publish(topic, 'x'.repeat(2048), { id: 1 }))
    await until(() => front.stats().paused === 1)
    await clock.advance(stallMs - 1000)
    await quiet()
    assert.equal(client.closed, false)
    await clock.advance(2000)
    await client.gone()
    assert.deepEqual(front.stats().closed, { stalled: 1 })
    await clock.advance(10_000)
    const offers = admission.batches.length
    await clock.advance(60_000)
    assert.equal(
      admission.batches.length,
      offers,
      'what the client sends again is not offered twice'
    )
    assert.equal(front.stats().pendingBytes, 0)
  })
}
