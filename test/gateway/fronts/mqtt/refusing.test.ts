import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate } from 'mqtt-packet'
import { textsOf } from '../../../support/fake-admission.ts'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import { publish, quiet, RawMqtt, subscribe, until } from '../../../support/mqtt-raw-client.ts'

test('a message without a route is not acknowledged, and what came with it is', async (t) => {
  const { admission, front, port, lines } = await startFront(t)
  const client = await RawMqtt.connected(t, port, { username: 'pi-4' })
  client.write(
    publish('streams/telemetry/k', 'm1', { id: 1 }),
    publish('nowhere', 'lost', { id: 2 }),
    publish('streams/telemetry/k', 'm3', { id: 3 })
  )
  await client.gone()
  assert.deepEqual(client.ids('puback'), [1, 3])
  assert.deepEqual(admission.texts(), ['m1', 'm3'])
  assert.deepEqual(front.stats().refused, { no_route: 1 })
  assert.deepEqual(front.stats().closed, { refused: 1 })
  const [line] = lines
  assert.equal(line?.['device'], 'pi-4')
  assert.equal(line?.['topic'], 'nowhere')
  assert.match(String(line?.['message']), /no route.*streams\/<stream>\/<key>/)
})

test('a message that comes back after each reconnect does not keep the ones behind it away', async (t) => {
  const { admission, port } = await startFront(t)
  for (let round = 1; round <= 3; round++) {
    const client = await RawMqtt.connected(t, port)
    client.write(
      publish('nowhere', 'bad', { id: 1, dup: round > 1 }),
      publish('streams/telemetry/k', `m${round}`, { id: 2 })
    )
    await client.gone()
    assert.deepEqual(client.ids('puback'), [2])
  }
  assert.deepEqual(admission.texts(), ['m1', 'm2', 'm3'])
})

test('a rejected record is not acknowledged, the rest of its batch is', async (t) => {
  const { admission, front, port, lines } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.judge = () => ({
    first: 100,
    rejected: [{ seq: 101, code: 'too_large', message: 'over 1 MiB' }]
  })
  client.write(...[1, 2, 3].map((id) => publish(`streams/telemetry/k${id}`, `m${id}`, { id })))
  await client.gone()
  assert.deepEqual(client.ids('puback'), [1, 3])
  assert.deepEqual(front.stats().refused, { too_large: 1 })
  assert.equal(lines[0]?.['topic'], 'streams/telemetry/k2')
})

test('messages for a stream that does not exist are refused with the reason that admission gives', async (t) => {
  const { admission, front, port, lines } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  admission.judge = ({ stream }) =>
    stream === 'nope' ? { code: 'unknown_stream', message: 'there is telemetry' } : {}
  client.write(
    publish('streams/nope/k', 'm1', { id: 1 }),
    publish('streams/telemetry/k', 'm2', { id: 2 })
  )
  await client.gone()
  assert.deepEqual(client.ids('puback'), [2])
  assert.deepEqual(front.stats().refused, { unknown_stream: 1 })
  assert.equal(lines[0]?.['message'], 'there is telemetry')
})

test('a refused message of QoS 0 is dropped and counted, its connection stays', async (t) => {
  const { admission, front, port } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  client.write(
    publish('nowhere', 'lost', { qos: 0 }),
    publish('streams/telemetry/k', 'm', { id: 1 })
  )
  await client.next('puback')
  await quiet()
  assert.equal(client.closed, false)
  assert.deepEqual(front.stats().refused, { no_route: 1 })
  assert.deepEqual(admission.batches.map(textsOf), [['m']])
})

for (const topic of [
  'headwater/v1/other/batch',
  'headwater/v1/other/batch.json/telemetry',
  'headwater/v1/other/ack',
  'headwater/v1/pi-4/ack',
  'headwater/v1/pi-4/batch/more',
  'headwater/v2/pi-4/batch',
  'headwater/',
  '$SYS/broker',
  '$share/g/streams/telemetry/k'
]) {
  test(`a device may not publish on ${topic}, with any QoS`, async (t) => {
    const { admission, front, port } = await startFront(t, { pubsub: true })
    for (const qos of [0, 1, 2] as const) {
      const client = await RawMqtt.connected(t, port, { username: 'pi-4' })
      client.write(publish(topic, 'x', { qos }))
      await client.gone()
      assert.equal(client.received.length, 1)
    }
    assert.deepEqual(front.stats().refused, { forbidden: 3 })
    assert.deepEqual(admission.batches, [])
  })
}

for (const pubsub of [true, false]) {
  test(`a client may read the acks of its device and nothing else of the product, pubsub ${pubsub}`, async (t) => {
    const { port } = await startFront(t, { pubsub })
    const client = await RawMqtt.connected(t, port, { username: 'pi-4' })
    const own = 'headwater/v1/pi-4/ack'
    const others = [
      'headwater/v1/other/ack',
      'headwater/#',
      'headwater/v1/+/ack',
      '$SYS/#',
      '$share/g/x'
    ]
    for (const [i, filter] of [own, ...others].entries()) client.write(subscribe(filter, i + 1))
    const several = [own, ...others].map((filter) => ({ topic: filter, qos: 1 as const }))
    client.write(generate({ cmd: 'subscribe', messageId: 100, subscriptions: several }))
    await client.next('suback', others.length + 2)
    const granted = client
      .all('suback')
      .flatMap((packet) => (packet.cmd === 'suback' ? [[packet.messageId, packet.granted]] : []))
      .sort(([a], [b]) => Number(a) - Number(b))
    const refused = others.map(() => 128)
    assert.deepEqual(granted, [
      [1, [0]],
      ...others.map((_, i) => [i + 2, [128]]),
      [100, [pubsub ? 1 : 0, ...refused]]
    ])
  })
}

test('the log names at most ten refused messages in ten seconds and counts the rest', async (t) => {
  const { clock, front, port, lines } = await startFront(t)
  const client = await RawMqtt.connected(t, port)
  for (let i = 0; i < 50; i++) client.write(publish(`nowhere/${i}`, 'x', { qos: 0 }))
  await until(() => front.stats().refused['no_route'] === 50)
  assert.equal(lines.length, 10)
  await clock.advance(10_000)
  client.write(publish('nowhere', 'x', { qos: 0 }))
  await until(() => lines.length === 11)
  assert.equal(lines[10]?.['suppressed'], 40)
})
