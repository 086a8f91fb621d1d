import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import mqtt from 'mqtt'
import { makeCertificate, steadyTls } from '../../../support/certificate.ts'
import { startFront } from '../../../support/mqtt-front-fixture.ts'
import { RawMqtt } from '../../../support/mqtt-raw-client.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const run = promisify(execFile)

async function hasMosquitto(t: TestContext): Promise<boolean> {
  try {
    await run('mosquitto_pub', ['--help']).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw error
    })
    return true
  } catch {
    t.skip('mosquitto_pub is not installed')
    return false
  }
}

for (const qos of ['0', '1', '2']) {
  for (const version of ['mqttv31', 'mqttv311']) {
    test(`mosquitto_pub sends with QoS ${qos} as ${version}`, async (t) => {
      if (!(await hasMosquitto(t))) return
      const { admission, port } = await startFront(t)
      const at = ['-h', '127.0.0.1', '-p', String(port), '-V', version]
      await run('mosquitto_pub', [...at, '-q', qos, '-t', 'streams/telemetry/k', '-m', 'hello'])
      while (admission.batches.length === 0) await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(admission.texts(), ['hello'])
    })
  }
}

test('mosquitto_pub in MQTT 5 fails with the reason', async (t) => {
  if (!(await hasMosquitto(t))) return
  const { port } = await startFront(t)
  const at = ['-h', '127.0.0.1', '-p', String(port), '-V', 'mqttv5']
  const sent = run('mosquitto_pub', [...at, '-q', '1', '-t', 'streams/telemetry/k', '-m', 'x'])
  await assert.rejects(sent, /protocol/i)
})

for (const qos of [0, 1, 2] as const) {
  test(`mqtt.js sends 1000 messages with QoS ${qos} in order`, async (t) => {
    const { admission, port } = await startFront(t)
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { username: 'pi-4' })
    t.after(() => client.end(true))
    const texts = Array.from({ length: 1000 }, (_, i) => `m${i}`)
    await Promise.all(texts.map((text) => client.publishAsync('streams/telemetry', text, { qos })))
    await client.endAsync()
    while (admission.texts().length < 1000) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(admission.texts(), texts)
    assert.deepEqual(admission.batches[0]?.records.keys, ['pi-4'])
  })
}

test('mqtt.js is told that its token is wrong', async (t) => {
  const { admission, port } = await startFront(t)
  admission.tokens = new Map()
  const credentials = { username: 'pi-4', password: 'guess', reconnectPeriod: 0 }
  const connected = mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, credentials)
  await assert.rejects(connected, { code: 4 })
})

test('mqtt.js sends over TLS, and a handshake that never ends does not hold up the stop', async (t) => {
  const files = makeCertificate(await tempDir(t))
  if (!files) return t.skip('openssl is not installed')
  const [key, cert] = await Promise.all(
    [files.key, files.cert].map((path) => readFile(path, 'utf8'))
  )
  assert.ok(key && cert)
  const listeners = [{ host: '127.0.0.1', port: 0, tls: steadyTls({ key, cert }) }]
  const { admission, front, port } = await startFront(t, { listeners })
  const client = await mqtt.connectAsync(`mqtts://localhost:${port}`, { ca: cert })
  t.after(() => client.end(true))
  await client.publishAsync('streams/telemetry/k', 'secret', { qos: 1 })
  await client.endAsync()
  assert.deepEqual(admission.texts(), ['secret'])
  const silent = await RawMqtt.open(t, port)
  await front.stop(AbortSignal.timeout(100))
  await silent.gone()
})
