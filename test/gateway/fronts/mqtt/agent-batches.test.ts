import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Packet } from 'mqtt-packet'
import { type Ack, decodeAckCbor, decodeAckJson } from '../../../../shared/wire/ack.ts'
import { type BatchHeader, encodeBatch, frameCrc } from '../../../../shared/wire/batch.ts'
import { encodeCbor } from '../../../../shared/wire/cbor.ts'
import { encodeFrame } from '../../../../shared/wire/frame.ts'
import { encodeJsonBatch } from '../../../../shared/wire/json.ts'
import type { RecordColumns } from '../../../../shared/record.ts'
import { textsOf } from '../../../support/fake-admission.ts'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import {
  ping,
  publish,
  quiet,
  RawMqtt,
  subscribe,
  until
} from '../../../support/mqtt-raw-client.ts'

const device = 'pi-4'
const topic = `headwater/v1/${device}/batch`
const jsonTopic = `${topic}.json/telemetry`

const header = (first: number, count = 2): BatchHeader => ({
  device,
  epoch: '0123456789abcdef0123456789abcdef',
  stream: 'telemetry',
  first,
  count,
  prev: first - 1,
  floor: 1,
  lane: 0,
  clock: 'ntp',
  offset: 5
})

const columns = (...texts: string[]): RecordColumns => ({
  keys: ['k'],
  times: Float64Array.from(texts, (_, i) => 1000 + i),
  lens: Uint32Array.from(texts, (text) => text.length),
  data: Buffer.from(texts.join(''))
})

function cborBatch(first: number, options: { enc?: 'gzip'; device?: string } = {}): Buffer {
  const frame = encodeFrame(columns(`r${first}`, `r${first + 1}`))
  const body = options.enc ? gzipSync(frame) : frame
  const sender = { device: options.device ?? device }
  const batch = { header: { ...header(first), ...sender }, enc: options.enc ?? 'id', body } as const
  return encodeBatch({ ...batch, crc: frameCrc(body) })
}

const jsonBatch = (first: number): string =>
  encodeJsonBatch(header(first), columns(`r${first}`, `r${first + 1}`))

function ackIn(packet: Packet | undefined): Ack {
  assert.ok(packet?.cmd === 'publish')
  assert.equal(packet.topic, `headwater/v1/${device}/ack`)
  assert.equal(packet.qos, 0)
  const bytes = Buffer.from(packet.payload)
  return bytes[0] === 0x7b ? decodeAckJson(bytes.toString()) : decodeAckCbor(bytes)
}

const agent = { username: device, clientId: device }

for (const [what, at, payload] of [
  ['CBOR', topic, cborBatch(1)],
  ['CBOR with a gzipped body', topic, cborBatch(1, { enc: 'gzip' })],
  ['JSON', jsonTopic, Buffer.from(jsonBatch(1))],
  ['gzipped JSON', jsonTopic, gzipSync(jsonBatch(1))]
] as const) {
  test(`a batch in ${what} is admitted as it is and answered by its Ack, then its PUBACK`, async (t) => {
    const { admission, front, port } = await startFront(t)
    const client = await RawMqtt.connected(t, port, agent)
    client.write(subscribe(`headwater/v1/${device}/ack`))
    await client.next('suback')
    client.write(publish(at, payload, { id: 9 }))
    await client.next('puback')
    assert.deepEqual(
      client.received.slice(2).map(({ cmd }) => cmd),
      ['publish', 'puback']
    )
    const ack = ackIn(client.received[2])
    const { stream: _stream, count: _count, ...given } = header(1)
    assert.deepEqual(admission.batches[0]?.header, given)
    assert.equal(admission.batches[0]?.stream, 'telemetry')
    assert.equal(admission.batches[0]?.wireBytes, payload.length)
    assert.deepEqual(admission.texts(), ['r1', 'r2'])
    const { epoch, stream, first, count, code } = ack
    assert.deepEqual(
      { epoch, stream, first, count, code },
      { epoch: given.epoch, stream: 'telemetry', first: 1, count: 2, code: 'ok' }
    )
    assert.equal(front.stats().pendingBytes, 0)
  })
}

test('batches are given to admission at once and in order, and answered in that order', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, agent)
  admission.hold()
  const payloads = [cborBatch(1, { enc: 'gzip' }), cborBatch(3), cborBatch(5, { enc: 'gzip' })]
  client.write(...payloads.map((payload, i) => publish(topic, payload, { id: i + 1 })))
  await until(() => admission.held === 3)
  assert.deepEqual(
    admission.batches.map((batch) => batch.header?.first),
    [1, 3, 5]
  )
  admission.release(1)
  await client.next('puback')
  admission.release()
  await client.next('puback', 3)
  assert.deepEqual(client.ids('puback'), [1, 2, 3])
  assert.deepEqual(
    client.all('publish').map((packet) => ackIn(packet).first),
    [1, 3, 5]
  )
})

test('a later batch that is durable first is answered after the earlier one', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, agent)
  const admit = admission.admit.bind(admission)
  let letFirst = (): void => undefined
  const first = new Promise<void>((resolve) => {
    letFirst = resolve
  })
  admission.admit = async (batch) => {
    const ack = await admit(batch)
    if (batch.header?.first === 1) await first
    return ack
  }
  client.write(publish(topic, cborBatch(1), { id: 1 }), publish(topic, cborBatch(3), { id: 2 }))
  await until(() => admission.batches.length === 2)
  await quiet()
  assert.deepEqual(client.ids('puback'), [])
  letFirst()
  await client.next('puback', 2)
  assert.deepEqual(
    client.all('publish').map((packet) => ackIn(packet).first),
    [1, 3]
  )
})

test('no more than eight batches of a connection are unpacked at once', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, agent)
  admission.hold()
  for (let i = 0; i < 12; i++) client.write(publish(topic, cborBatch(1 + 2 * i), { id: i + 1 }))
  await until(() => admission.held === 8)
  await quiet()
  assert.equal(admission.held, 8)
  client.write(ping)
  await client.next('pingresp')
  admission.release()
  await client.next('puback', 12)
  assert.deepEqual(
    client.ids('puback'),
    Array.from({ length: 12 }, (_, i) => i + 1)
  )
})

for (const code of ['throttled', 'out_of_order', 'unknown_stream'] as const) {
  test(`an Ack of ${code} goes out with its PUBACK: the agent decides what to do`, async (t) => {
    const { admission, port } = await startFront(t)
    const client = await RawMqtt.connected(t, port, agent)
    admission.judge = () => ({ code, retryAfterMs: 700, message: 'why' })
    client.write(publish(topic, cborBatch(1), { id: 1 }))
    await client.next('puback')
    const ack = ackIn(client.all('publish')[0])
    assert.equal(ack.code, code)
    assert.equal(ack.retryAfterMs, 700)
    assert.equal(admission.batches.length, 1)
    assert.equal(client.closed, false)
  })
}

test('a batch of QoS 0 is answered by its Ack alone, one of QoS 2 by Ack and PUBREC', async (t) => {
  const { port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, agent)
  client.write(publish(topic, cborBatch(1), { qos: 0 }))
  client.write(publish(topic, cborBatch(3), { qos: 2, id: 4 }))
  await client.next('pubrec')
  assert.deepEqual(
    client.received.slice(1).map(({ cmd }) => cmd),
    ['publish', 'publish', 'pubrec']
  )
})

test('messages and batches of one connection are acknowledged in the order they came', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, agent)
  admission.hold()
  client.write(
    publish('streams/telemetry/k', 'a', { id: 1 }),
    publish(topic, cborBatch(1), { id: 2 }),
    publish('streams/telemetry/k', 'b', { id: 3 }),
    publish('streams/telemetry/k', 'c', { id: 4 }),
    publish(topic, cborBatch(3), { id: 5 })
  )
  await until(() => admission.held === 3)
  admission.release()
  await client.next('puback', 5)
  assert.deepEqual(client.ids('puback'), [1, 2, 3, 4, 5])
  assert.deepEqual(admission.batches.filter((batch) => !batch.header).map(textsOf), [
    ['a'],
    ['b', 'c']
  ])
})

test('a DUP of a batch that is under way gets no second answer', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, agent)
  admission.hold()
  client.write(publish(topic, cborBatch(1), { id: 1 }))
  await until(() => admission.held === 1)
  client.write(publish(topic, cborBatch(1), { id: 1, dup: true }))
  await quiet()
  admission.release()
  await client.next('puback')
  await quiet()
  assert.equal(client.all('puback').length, 1)
  assert.equal(admission.batches.length, 1)
})

test('a batch that can be named but not read is answered invalid, with the field at fault', async (t) => {
  const { admission, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, agent)
  const whole = { ...header(1), v: 1, epoch: Buffer.alloc(16, 7), clock: 1, enc: 'id' }
  const broken = encodeCbor({ ...whole, body: Buffer.from('not a frame'), crc: 1 })
  const miscounted = encodeBatch({
    header: header(1, 3),
    enc: 'id',
    body: encodeFrame(columns('a')),
    crc: frameCrc(encodeFrame(columns('a')))
  })
  const json = JSON.stringify({ ...JSON.parse(jsonBatch(1)), clock: 17 })
  client.write(
    publish(topic, broken, { id: 1 }),
    publish(topic, miscounted, { id: 2 }),
    publish(jsonTopic, json, { id: 3 }),
    publish(topic, cborBatch(1, { device: 'other' }), { id: 4 })
  )
  await client.next('puback', 4)
  const acks = client.all('publish').map(ackIn)
  assert.deepEqual(
    acks.map(({ code }) => code),
    ['invalid', 'invalid', 'invalid', 'forbidden']
  )
  assert.match(acks[0]?.message ?? '', /"crc"/)
  assert.match(acks[1]?.message ?? '', /"count"/)
  assert.match(acks[2]?.message ?? '', /"clock"/)
  assert.match(acks[3]?.message ?? '', /"other"/)
  assert.deepEqual(admission.batches, [])
})

for (const [what, at, payload] of [
  ['no CBOR', topic, Buffer.from('hello')],
  ['nothing', topic, Buffer.alloc(0)],
  ['no JSON', jsonTopic, Buffer.from('{')],
  ['JSON without identity', jsonTopic, Buffer.from('{"records":[{"text":"a"}]}')],
  ['a gzip bomb', jsonTopic, gzipSync(Buffer.alloc(20 * 1024 * 1024))]
] as const) {
  test(`a batch of ${what} cannot be answered: the connection is closed and the reason logged`, async (t) => {
    const { front, port, lines } = await startFront(t)
    const client = await RawMqtt.connected(t, port, agent)
    client.write(publish(at, payload, { id: 1 }))
    await client.gone()
    assert.deepEqual(client.received.length, 1)
    const [reason] = Object.keys(front.stats().refused)
    assert.equal(reason, what === 'a gzip bomb' ? 'too_large' : 'invalid')
    assert.equal(lines[0]?.['device'], device)
    assert.equal(front.stats().pendingBytes, 0)
  })
}

test('a client without a device name publishes no batches', async (t) => {
  const { front, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port, { clientId: 'no name!' })
  client.write(publish(topic, cborBatch(1), { id: 1 }))
  await client.gone()
  assert.deepEqual(front.stats().refused, { forbidden: 1 })
})
