import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { SignJWT } from 'jose'
import mqtt, { type MqttClient } from 'mqtt'
import { cleanUp } from '../support/cleanup.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, readAll } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

async function setup(t: TestContext) {
  const scenario = await Scenario.create(t)
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1' }]
  await scenario.file('keys.json', JSON.stringify({ keys }))
  const jwt = 'keys: { file: keys.json }, audience: headwater, streamsClaim: streams, leeway: 0s'
  const config = await scenario.file('gateway.yaml', `auth: { jwt: { ${jwt} } }\n`)
  const gateway = await scenario.startGateway(['--config', config])
  const sign = (seconds: number, device = 'device-1', streams = ['telemetry']) =>
    new SignJWT({ streams })
      .setSubject(device)
      .setAudience('headwater')
      .setExpirationTime(Math.ceil(Date.now() / 1000) + seconds)
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(privateKey)
  const post = async (token: string, stream = 'telemetry') => {
    const response = await fetch(`${scenario.url}/v1/streams/${stream}/records`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
      body: 'a record'
    })
    await response.text()
    return response.status
  }
  return { scenario, gateway, sign, post }
}

function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()))
}

for (const via of ['http-cbor', 'mqtt-cbor'] as const) {
  test(`over ${via} an agent with a signed token sends every line once and in order`, async (t) => {
    const { scenario, sign } = await setup(t)
    const token = await scenario.file('token', await sign(600))
    const text = numberedLines(200)
    const log = await scenario.file('app.log', text)
    const agent = scenario.agent(['--tail', log, '--once', '--token-file', token], { via })
    agent.start()
    assert.equal(await agent.exit(), 0, agent.output)
    assertLinesOnceInOrder(await readAll(scenario.url), text.split('\n').slice(0, -1))
  })
}

test('a token is good for its streams and until it expires, and a changed one for nothing', async (t) => {
  const { sign, post, gateway } = await setup(t)
  const token = await sign(5)
  assert.equal(await post(token), 200)
  assert.equal(await post(token, 'other'), 403)
  assert.equal(await post(`${token.slice(0, -3)}AAA`), 401)
  await eventually('the end of the token', async () => (await post(token)) === 401 || undefined)
  await gateway.says(/claim timestamp check failed","peer"/)
  assert.ok(!gateway.output.includes(token))
})

test('an MQTT connection ends when its token does, and takes no other user name', async (t) => {
  const { scenario, sign } = await setup(t)
  const connect = async (username: string, password: string) => {
    const client = mqtt.connect(scenario.mqttUrl, { username, password, reconnectPeriod: 0 })
    cleanUp(t, () => client.end(true))
    client.on('error', () => undefined)
    return client
  }
  const stranger = await connect('device-2', await sign(60))
  await closed(stranger)
  assert.equal(stranger.connected, false)
  const client = await connect('device-1', await sign(5))
  await client.publishAsync('streams/telemetry/k', 'in time', { qos: 1 })
  const openedMs = Date.now()
  await closed(client)
  assert.ok(Date.now() - openedMs < 20_000)
})
