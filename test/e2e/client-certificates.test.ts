import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { request } from 'node:https'
import { type TestContext, test } from 'node:test'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { generate } from 'mqtt-packet'
import { Authority } from '../support/authority.ts'
import type { Certificate } from '../support/certificate.ts'
import { cleanUp } from '../support/cleanup.ts'
import { connectPacket, publish } from '../support/mqtt-raw-client.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, Program, readAll, ready, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const run = promisify(execFile)

async function setup(t: TestContext, tls = '', prepare?: (authority: Authority) => void) {
  const scenario = await Scenario.create(t)
  const authority = Authority.make(scenario.directory)
  if (!authority) {
    t.skip('openssl is not installed')
    return undefined
  }
  authority.issue('server')
  prepare?.(authority)
  const text = `auth: devices\ntls:\n  cert: { file: server.pem }\n  key: { file: server.key }\n  clientCa: { file: ca.pem }\n${tls}`
  const config = await scenario.file('gateway.yaml', text)
  const gateway = scenario.gateway(['--config', config])
  gateway.start()
  await gateway.says(/"running"/)
  return { scenario, authority, gateway, config }
}

interface Answer {
  readonly status: number | undefined
  readonly body: string
}

/** Posts one record; status undefined: the connection was closed without an answer. */
function post(
  scenario: Scenario,
  authority: Authority,
  options: { client?: Certificate; token?: string; path?: string; method?: string } = {}
): Promise<Answer> {
  const { client, token, path = '/v1/streams/telemetry/records', method = 'POST' } = options
  return new Promise((resolve) => {
    const asked = request({
      ...{ host: '127.0.0.1', port: scenario.httpPort, path, method, agent: false },
      ca: readFileSync(authority.cert),
      ...(client ? { cert: readFileSync(client.cert), key: readFileSync(client.key) } : {}),
      headers: {
        'content-type': 'text/plain',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      }
    })
    asked.on('error', () => resolve({ status: undefined, body: '' }))
    asked.on('response', (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += String(chunk)
      })
      response.on('end', () => resolve({ status: response.statusCode, body }))
    })
    asked.end(method === 'POST' ? 'a record' : undefined)
  })
}

/** Opens MQTT over TLS and sends CONNECT; resolves with the code of the CONNACK, or how it ended. */
async function mqttConnect(
  t: TestContext,
  scenario: Scenario,
  options: { authority: Authority; client?: Certificate; packet?: object; id?: string }
): Promise<{ readonly socket: TLSSocket; readonly code: number | 'closed' }> {
  const { authority, client, packet = {}, id = 'c-1' } = options
  const socket = connect({
    ...{ host: '127.0.0.1', port: scenario.mqttPort },
    ca: readFileSync(authority.cert),
    ...(client ? { cert: readFileSync(client.cert), key: readFileSync(client.key) } : {})
  })
  cleanUp(t, () => socket.destroy())
  socket.on('error', () => undefined)
  socket.write(connectPacket({ clientId: id, ...packet }))
  const code = await new Promise<number | 'closed'>((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(bytes[3] ?? -1))
    socket.once('close', () => resolve('closed'))
  })
  return { socket, code }
}

async function devices(t: TestContext, ...args: string[]): Promise<string> {
  const command = new Program(t, 'gateway', { args: ['devices', ...args] })
  command.start()
  assert.equal(await command.exit(), 0, command.output)
  return command.output
}

test('who shows a certificate of the authority is the device of its name; others are closed and named in the log', async (t) => {
  const s = await setup(t)
  if (!s) return
  const { scenario, authority, gateway } = s
  const below = authority.below('below')
  const chained = below.issue('truck-2')
  await run('sh', ['-c', `cat "${below.cert}" >> "${chained.cert}"`])
  const stranger = Authority.make(scenario.directory, 'stranger')
  for (const client of [authority.issue('truck-1'), chained]) {
    assert.equal((await post(scenario, authority, { client })).status, 200, gateway.output)
  }
  const refused: readonly (readonly [string, Certificate | undefined, string])[] = [
    ['none', undefined, 'NO_CERTIFICATE'],
    ['expired', authority.issue('truck-3', { days: -1 }), 'CERT_HAS_EXPIRED'],
    ['of a stranger', stranger?.issue('truck-4'), 'UNABLE_TO_'],
    ['signed by itself', stranger, 'DEPTH_ZERO_SELF_SIGNED_CERT']
  ]
  for (const [what, client, reason] of refused) {
    const options = client ? { client } : {}
    assert.deepEqual(
      await post(scenario, authority, options),
      { status: undefined, body: '' },
      what
    )
    const { code } = await mqttConnect(t, scenario, { authority, ...options })
    assert.equal(code, 'closed', what)
    await gateway.says(new RegExp(`"reason":"${reason}`))
  }
  await gateway.says(/"reason":"CERT_HAS_EXPIRED","device":"truck-3","peer":"127.0.0.1"/)
  const nameless = authority.issue('bad', { subject: '/CN=a b' })
  assert.equal((await post(scenario, authority, { client: nameless })).status, 401)
  const records = await post(scenario, authority, {
    client: authority.issue('truck-5'),
    path: '/v1/devices/truck-1/ledger',
    method: 'GET'
  })
  assert.equal(JSON.parse(records.body).stored, 1)
})

test('over MQTT the user name is the common name or absent', async (t) => {
  const s = await setup(t)
  if (!s) return
  const { scenario, authority } = s
  const client = authority.issue('truck-1')
  const code = async (packet: object) =>
    (await mqttConnect(t, scenario, { authority, client, packet })).code
  assert.deepEqual(
    [
      await code({}),
      await code({ username: 'truck-1' }),
      await code({ username: 'truck-2' }),
      await code({ username: 'truck-1', password: Buffer.from('wrong') })
    ],
    [0, 0, 5, 4]
  )
})

test('with clientAuth allow a token does as well, and a bad certificate does not', async (t) => {
  const s = await setup(t, '  clientAuth: allow\n')
  if (!s) return
  const { scenario, authority } = s
  const token = (await devices(t, 'add', 'pi-1', '--data-dir', scenario.path('gateway'))).split(
    '\n'
  )[0]
  await eventually('the token', async () => {
    const { status } = await post(scenario, authority, { token: token ?? '' })
    return status === 200 || undefined
  })
  assert.equal(
    (await post(scenario, authority, { client: authority.issue('truck-1') })).status,
    200
  )
  const expired = authority.issue('truck-2', { days: -1 })
  assert.equal(
    (await post(scenario, authority, { client: expired, token: token ?? '' })).status,
    undefined
  )
  const anybody = await post(scenario, authority, { path: '/v1/batches' })
  assert.equal(anybody.status, 401)
  assert.match(anybody.body, /token is needed/)
})

test('a revoked device is cut off, and so is what the list of the authority calls back, without a restart', async (t) => {
  const list = (authority: Authority, revoked: Certificate) =>
    copyFileSync(authority.revocationList(revoked), join(dirname(authority.cert), 'list.pem'))
  const s = await setup(t, '  clientCrl: { file: list.pem }\n', (authority) =>
    list(authority, authority.issue('nobody'))
  )
  if (!s) return
  const { scenario, authority, gateway, config } = s
  const [one, two] = [authority.issue('truck-1'), authority.issue('truck-2')]
  const { socket } = await mqttConnect(t, scenario, { authority, client: one })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await devices(t, 'revoke', 'truck-1', '--config', config, '--data-dir', scenario.path('gateway'))
  await closed
  assert.equal((await post(scenario, authority, { client: one })).status, 401)
  assert.equal((await post(scenario, authority, { client: two })).status, 200)
  list(authority, two)
  await eventually('truck-2 called back', async () => {
    const { status } = await post(scenario, authority, { client: two })
    return status === undefined || undefined
  })
  await gateway.says(/"reason":"CERT_REVOKED","device":"truck-2"/)
})

for (const scheme of ['https', 'mqtts'] as const) {
  test(`an agent with a certificate and no token sends over ${scheme}, every line once and in order`, async (t) => {
    const s = await setup(t)
    if (!s) return
    const { scenario, authority, gateway } = s
    authority.issue('device-1')
    const text = numberedLines(200)
    const log = await scenario.file('app.log', text)
    const port = scheme === 'https' ? scenario.httpPort : scenario.mqttPort
    const tls =
      'tls: { ca: { file: ca.pem }, cert: { file: device-1.pem }, key: { file: device-1.key } }\n'
    const config = await scenario.file('agent.yaml', tls)
    const to = ['--to', `${scheme}://127.0.0.1:${port}`]
    const agent = scenario.agent(['--config', config, '--tail', log, '--once', ...to])
    agent.start()
    assert.equal(await agent.exit(), 0, `${agent.output}\n${gateway.output}`)
    await gateway.kill()
    const plain = scenario.gateway()
    plain.start()
    await ready(scenario.url, plain)
    assertLinesOnceInOrder(await readAll(scenario.url), text.split('\n').slice(0, -1))
  })
}

test('mosquitto_pub with a client certificate publishes with QoS 1', async (t) => {
  if (spawnSync('mosquitto_pub', ['--help']).error) {
    t.skip('mosquitto_pub is not installed')
    return
  }
  const s = await setup(t)
  if (!s) return
  const { scenario, authority, gateway } = s
  const client = authority.issue('truck-1')
  const to = ['-h', '127.0.0.1', '-p', String(scenario.mqttPort), '-i', 'truck-1', '-q', '1']
  const files = ['--cafile', authority.cert, '--cert', client.cert, '--key', client.key]
  await run('mosquitto_pub', [...to, ...files, '-t', 'streams/telemetry/truck-1', '-m', 'hello'])
  await gateway.kill()
  await scenario.startGateway()
  const [record] = await readAll(scenario.url)
  assert.deepEqual([record?.device, record && textOf(record)], ['truck-1', 'hello'])
})

test('200 MQTT connections live on while the certificate is renewed, and new ones see the new one', async (t) => {
  const s = await setup(t)
  if (!s) return
  const { scenario, authority, gateway } = s
  const client = authority.issue('fleet')
  const open = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      mqttConnect(t, scenario, { authority, client, id: `c-${n}` })
    )
  )
  assert.ok(open.every(({ code }) => code === 0))
  const serial = open[0]?.socket.getPeerCertificate().serialNumber
  authority.issue('server')
  gateway.signal('SIGHUP')
  await eventually('the new certificate', async () => {
    const next = await mqttConnect(t, scenario, { authority, client, id: 'new' })
    return next.socket.getPeerCertificate().serialNumber !== serial || undefined
  })
  const answers = open.map(async ({ socket }, n) => {
    const answered = new Promise<Buffer>((resolve) => socket.once('data', resolve))
    socket.write(publish('streams/telemetry/k', `after ${n}`, { id: 7 }))
    return answered
  })
  const puback = generate({ cmd: 'puback', messageId: 7 })
  for (const answer of await Promise.all(answers)) assert.deepEqual(answer, puback)
  await gateway.says(/new certificate in force for new connections/)
  const metrics = await post(scenario, authority, { client, path: '/metrics', method: 'GET' })
  assert.match(metrics.body, /^headwater_gateway_certificate_renewals_total 1$/m)
  const left = /^headwater_gateway_certificate_expires_seconds (.*)$/m.exec(metrics.body)?.[1]
  assert.ok(Number(left) > 86_400 && Number(left) <= 2 * 86_400, left)
})
