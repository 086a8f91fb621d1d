import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { MqttTransport } from '../../../../agent/sender/transports/mqtt.ts'
import type { TransportOptions } from '../../../../agent/sender/transports/transport.ts'
import { failsWith, open, transportContract } from '../../../contract/transport.ts'
import { makeCertificate } from '../../../support/certificate.ts'
import { FakeMqttGateway } from '../../../support/fake-gateway-mqtt.ts'
import { ackOf } from '../../../support/fake-gateway-script.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { frameOf } from '../../../support/stored-frames.ts'
import { tempDir } from '../../../support/temp-dir.ts'

transportContract('mqtt', 'cbor', () => FakeMqttGateway.open())
transportContract('mqtt', 'json', () => FakeMqttGateway.open())

const never = new AbortController().signal

async function setup(t: TestContext, options: Partial<TransportOptions> = {}) {
  const gateway = await FakeMqttGateway.open()
  t.after(() => gateway.close())
  return { gateway, transport: open(t, { url: gateway.url, format: 'cbor', ...options }) }
}

test('it connects as the device with a clean session, and subscribes before it publishes', async (t) => {
  const { gateway, transport } = await setup(t)
  await transport.send(frameOf(['a']), never)
  const [connect, subscribe, publish] = gateway.packets
  assert.ok(connect?.cmd === 'connect')
  assert.deepEqual(
    [connect.clientId, connect.username, connect.password?.toString(), connect.clean],
    ['device-1', 'device-1', 'secret-1', true]
  )
  assert.deepEqual([connect.protocolVersion, connect.keepalive], [4, 60])
  assert.ok(subscribe?.cmd === 'subscribe')
  assert.deepEqual(
    subscribe.subscriptions.map(({ topic }) => topic),
    ['headwater/v1/device-1/ack']
  )
  assert.ok(publish?.cmd === 'publish')
  assert.deepEqual(
    [publish.topic, publish.qos, publish.retain, publish.dup],
    ['headwater/v1/device-1/batch', 1, false, false]
  )
})

test('JSON names the stream in its topic', async (t) => {
  const { gateway, transport } = await setup(t, { format: 'json' })
  await transport.send(frameOf(['a'], { stream: 'gps' }), never)
  const publish = gateway.packets.at(-1)
  assert.ok(publish?.cmd === 'publish')
  assert.equal(publish.topic, 'headwater/v1/device-1/batch.json/gps')
})

test('the Ack is the answer, with or without a PUBACK', async (t) => {
  const { gateway, transport } = await setup(t)
  gateway.pubacks = false
  for (let i = 0; i < 3; i++) {
    const ack = await transport.send(frameOf(['a'], { first: i + 1 }), never)
    assert.equal(ack.code, 'ok')
  }
})

test('a gateway that is not ready is a transport failure, a refused device is not', async (t) => {
  const { gateway, transport } = await setup(t)
  gateway.refusing = true
  for (const [code, expected] of [
    [3, 'transport'],
    [4, 'unauthorized'],
    [5, 'unauthorized']
  ] as const) {
    gateway.refusal = code
    await assert.rejects(transport.send(frameOf(['a']), never), failsWith(expected))
  }
})

test('Acks answer their own batch in any order, each once', async (t) => {
  const { gateway, transport } = await setup(t)
  gateway.script.push('hang', 'hang')
  const [one, two] = [frameOf(['a']), frameOf(['b'], { first: 2 })]
  const order: number[] = []
  const ends = [one, two].map(async (frame) => {
    const { first } = await transport.send(frame, never)
    order.push(first)
  })
  await gateway.arrived(2)
  gateway.say('device-1', ackOf(two.header, {}))
  gateway.say('device-1', ackOf(two.header, {}))
  gateway.say('device-1', ackOf(one.header, {}))
  await Promise.all(ends)
  assert.deepEqual(order, [2, 1])
})

test('the wait for an Ack begins anew with each Ack', async (t) => {
  const gateway = await FakeMqttGateway.open()
  t.after(() => gateway.close())
  gateway.script.push('hang', 'hang')
  const clock = new ManualClock()
  const transport = new MqttTransport(
    {
      url: gateway.url,
      device: 'device-1',
      token: undefined,
      format: 'cbor',
      gzip: false,
      tls: {},
      timeoutMs: 60_000
    },
    clock
  )
  t.after(() => transport.close())
  const [one, two] = [frameOf(['a']), frameOf(['b'], { first: 2 })]
  const first = transport.send(one, never)
  const second = transport.send(two, never)
  let failed = false
  const end = assert.rejects(second, failsWith('transport')).then(() => {
    failed = true
  })
  await gateway.arrived(2)
  await clock.advance(59_999)
  gateway.say('device-1', ackOf(one.header, {}))
  await first
  await clock.advance(59_999)
  assert.equal(failed, false)
  await clock.advance(1)
  await end
})

test('mqtts is verified against the given authority, or not at all when that is asked for', async (t) => {
  const files = makeCertificate(await tempDir(t))
  if (!files) return t.diagnostic('no openssl to make a certificate with')
  const pem = { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') }
  const gateway = await FakeMqttGateway.open(pem)
  t.after(() => gateway.close())
  const { url } = gateway
  const stranger = open(t, { url, format: 'cbor' })
  await assert.rejects(stranger.send(frameOf(['a']), never), failsWith('transport'))
  assert.equal(gateway.packets.length, 0, 'the password does not leave before the check')
  for (const tls of [{ ca: pem.cert }, { insecure: true }]) {
    await open(t, { url, format: 'cbor', tls }).send(frameOf(['a']), never)
  }
  assert.equal(gateway.received.length, 2)
})
