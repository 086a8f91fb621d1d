import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { buildFront, startFront } from '../../../support/mqtt-front-fixture.ts'
import { connectPacket, publish, quiet, RawMqtt, until } from '../../../support/mqtt-raw-client.ts'

const topic = 'streams/telemetry/k'
const soon = (): AbortSignal => AbortSignal.timeout(5000)

test('a port that is taken is named with the flag that moves it, and nothing listens then', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const free = { host: '127.0.0.1', port: 0 }
  const started = startFront(t, { listeners: [free, { host: '127.0.0.1', port }] })
  await assert.rejects(started, {
    code: 'port_taken',
    message: `127.0.0.1:${port} is in use; choose another with --mqtt HOST:PORT, or --mqtt off`
  })
})

test('an address that is not ours is a mistake in the configuration', async (t) => {
  const listeners = [{ host: '203.0.113.1', port: 1883 }]
  await assert.rejects(startFront(t, { listeners }), {
    code: 'config',
    message: /203\.0\.113\.1:1883/
  })
})

test('a route that cannot work is refused before anything listens', async (t) => {
  const routes = [{ topic: 'a/#/b', stream: 'telemetry' }]
  await assert.rejects(startFront(t, { routes }), { code: 'config', message: /a\/#\/b/ })
})

test('a front has a port for each of its listeners, and takes messages on all', async (t) => {
  const listeners = [0, 0].map((port) => ({ host: '127.0.0.1', port }))
  const { admission, front } = await startFront(t, { listeners })
  const ports = front.ports()
  assert.equal(new Set(ports).size, 2)
  for (const [i, port] of ports.entries()) {
    const client = await RawMqtt.connected(t, port, { clientId: `c${i}` })
    client.write(publish(topic, `m${i}`, { id: 1 }))
    await client.next('puback')
  }
  assert.deepEqual(admission.texts(), ['m0', 'm1'])
})

test('stop before start, stop twice and stop at once all resolve', async (t) => {
  await buildFront(t).front.stop(soon())
  const { front } = await startFront(t)
  const stopped = front.stop(soon())
  assert.equal(front.stop(soon()), stopped)
  await stopped
})

test('stop reads no more, waits for what was read, acknowledges it and closes', async (t) => {
  const { admission, front, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  const waiting = await RawMqtt.open(t, port)
  admission.hold()
  client.write(publish(topic, 'm1', { id: 1 }))
  await until(() => admission.held === 1)
  client.write(publish(topic, 'm2', { id: 2 }))
  await until(() => front.stats().messages === 2)
  const stopped = front.stop(soon())
  client.write(publish(topic, 'm3', { id: 3 }))
  await waiting.gone()
  await quiet()
  assert.equal(client.closed, false)
  admission.release()
  await stopped
  await client.gone()
  assert.deepEqual(client.ids('puback'), [1, 2])
  assert.deepEqual(admission.texts(), ['m1', 'm2'])
  await assert.rejects(RawMqtt.open(t, port))
})

test('stop waits no longer than its deadline', async (t) => {
  const { admission, front, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.hold()
  client.write(publish(topic, 'm1', { id: 1 }))
  await until(() => admission.held === 1)
  await front.stop(AbortSignal.timeout(50))
  await client.gone()
  assert.deepEqual(client.ids('puback'), [])
})

test('stop carries through what a client left behind when it said goodbye', async (t) => {
  const { admission, clock, front, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.judge = (_batch, index) =>
    index === 0 ? { code: 'throttled', retryAfterMs: 1000 } : {}
  client.write(publish(topic, 'm1', { id: 1 }), Buffer.from([0xe0, 0]))
  await client.gone()
  await until(() => admission.batches.length === 1)
  const stopped = front.stop(soon())
  await clock.advance(2000)
  await stopped
  assert.deepEqual(admission.texts(), ['m1', 'm1'])
})

test('a connection whose peer never closes its side is cut off', async (t) => {
  const { clock, front, port } = await startFront(t)
  const client = await RawMqtt.open(t, port)
  client.socket.allowHalfOpen = true
  client.write(connectPacket({ protocolVersion: 5 }))
  await until(() => front.stats().connections === 0 && front.stats().accepted === 1)
  await clock.advance(4500)
  client.socket.write(Buffer.alloc(1))
  await quiet()
  client.socket.write(Buffer.alloc(1))
  await quiet()
  assert.equal(client.closed, false)
  await clock.advance(500)
  await until(() => client.closed || !client.socket.write(Buffer.alloc(1)))
})

test('a start that is aborted, before or under way, leaves nothing open', async (t) => {
  const { front: early } = buildFront(t)
  await assert.rejects(early.start(AbortSignal.abort()))
  const { front } = buildFront(t)
  const abort = new AbortController()
  const started = front.start(abort.signal)
  abort.abort()
  await assert.rejects(started)
  assert.deepEqual([...early.ports(), ...front.ports()], [])
})
