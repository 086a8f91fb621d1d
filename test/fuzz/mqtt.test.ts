import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { generate } from 'mqtt-packet'
import { startFront } from '../support/mqtt-front-fixture.ts'
import {
  connectPacket,
  disconnect,
  ping,
  publish,
  pubrel,
  quiet,
  RawMqtt,
  subscribe,
  until
} from '../support/mqtt-raw-client.ts'

const batch = 'headwater/v1/pi-4/batch'
const will = {
  topic: 'streams/telemetry/will',
  payload: Buffer.from('gone'),
  qos: 1,
  retain: false
} as const

/** One of each kind of packet that a client sends, valid and with what this front knows in it. */
const seeds = [
  connectPacket({ username: 'pi-4', password: Buffer.from('secret'), will }),
  connectPacket({ protocolVersion: 5, properties: { receiveMaximum: 10 } }),
  publish('streams/telemetry/k', 'hello', { id: 1 }),
  publish('streams/telemetry/k', 'hello', { qos: 2, id: 2 }),
  publish('rooms/hall', 'hello', { qos: 2, id: 3 }),
  publish(batch, Buffer.from([0xa1, 0x61, 0x76, 1]), { id: 4 }),
  publish(`${batch}.json/telemetry`, '{"records":[]}', { id: 5 }),
  pubrel(2),
  subscribe('rooms/#'),
  subscribe('headwater/v1/pi-4/ack'),
  generate({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['rooms/#'] }),
  generate({ cmd: 'puback', messageId: 1 }),
  generate({ cmd: 'pubrec', messageId: 1 }),
  generate({ cmd: 'pubcomp', messageId: 1 }),
  ping,
  disconnect
]

const mutated = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 3 }),
    fc.option(fc.nat(60), { nil: undefined })
  )
  .map(([seed, flips, length]) => {
    const bytes = Buffer.from(seed)
    for (const [at, value] of flips) bytes[at % bytes.length] = value
    return length === undefined ? bytes : bytes.subarray(0, length)
  })

const conversation = fc.record({
  accepted: fc.boolean(),
  packets: fc.array(
    fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes))
    ),
    { minLength: 1, maxLength: 12 }
  ),
  inOneSegment: fc.boolean()
})

test('no bytes end the process, keep a connection without CONNACK past its time or leave anything held', async (t) => {
  const { admission, clock, front, port, lines } = await startFront(t, { pubsub: true })
  admission.judge = (_sent, index) => (index % 3 === 0 ? { code: 'unknown_stream' } : {})
  await fc.assert(
    fc.asyncProperty(conversation, async ({ accepted, packets, inOneSegment }) => {
      const client = await RawMqtt.open(t, port)
      if (accepted) client.write(connectPacket({ username: 'pi-4', keepalive: 10 }))
      for (const part of inOneSegment ? [Buffer.concat(packets)] : packets) {
        client.write(part)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await quiet()
      if (client.all('connack').length === 0) {
        await clock.advance(11_000)
        // On a busy machine the answer may have been on its way all along.
        await until(() => client.closed || client.all('connack').length > 0)
      }
      client.socket.destroy()
      await until(() => front.stats().connections === 0 && front.stats().pendingBytes === 0)
    }),
    { numRuns: 150 }
  )
  assert.deepEqual(
    lines.filter((line) => line['level'] === 50),
    []
  )
  const sane = await RawMqtt.connected(t, port, { clientId: 'sane' })
  sane.write(ping)
  await sane.next('pingresp')
})

test('every single byte of every packet may be wrong', async (t) => {
  const { front, port, lines } = await startFront(t, { pubsub: true })
  for (const seed of seeds.slice(2)) {
    for (let at = 0; at < Math.min(seed.length, 40); at++) {
      const bytes = Buffer.from(seed)
      bytes[at] = (bytes[at] ?? 0) ^ 0xff
      const client = await RawMqtt.open(t, port)
      client.write(connectPacket({ username: 'pi-4' }), bytes, ping)
      client.socket.end()
      await client.gone()
    }
  }
  await until(() => front.stats().connections === 0 && front.stats().pendingBytes === 0)
  assert.deepEqual(
    lines.filter((line) => line['level'] === 50),
    []
  )
})
