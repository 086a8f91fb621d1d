import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeCertificate } from '../support/certificate.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, Program, readAll, ready } from '../support/programs.ts'
import { combinations, numberedLines, Scenario } from '../support/scenario.ts'
import type { TestContext } from 'node:test'

const text = numberedLines(300)
const lines = text.split('\n').slice(0, -1)

/** Runs `headwater-gateway devices …` on the scenario's data directory; its output comes back. */
async function devices(t: TestContext, scenario: Scenario, ...args: string[]): Promise<string> {
  const command = new Program(t, 'gateway', {
    args: ['devices', ...args, '--data-dir', scenario.path('gateway')]
  })
  command.start()
  assert.equal(await command.exit(), 0, command.output)
  return command.output
}

async function addDevice(t: TestContext, scenario: Scenario, name: string): Promise<string> {
  const output = await devices(t, scenario, 'add', name, '--json')
  const { token } = JSON.parse(output) as { token: string }
  return token
}

for (const via of combinations) {
  test(`over ${via}, a device with its token gets through, one with a wrong token sends nothing`, async (t) => {
    const scenario = await Scenario.create(t)
    const token = await addDevice(t, scenario, 'device-1')
    await scenario.startGateway(['--auth', 'devices'])
    const log = await scenario.file('app.log', text)
    const wrong = await scenario.file('wrong', `${'A'.repeat(token.length - 1)}B\n`)
    const thief = scenario.agent(['--tail', log, '--once', '--token-file', wrong], {
      via,
      dataDir: scenario.path('thief')
    })
    thief.start()
    const right = await scenario.file('right', `${token}\n`)
    const agent = scenario.agent(['--tail', log, '--once', '--token-file', right], { via })
    agent.start()
    assert.equal(await agent.exit(), 0, agent.output)
    await thief.says(/refuses this device/)
    await thief.kill()
    assertLinesOnceInOrder(await readAll(scenario.url), lines)
    assert.ok(!`${thief.output}${agent.output}`.includes(token), 'a token was printed')
  })
}

test('a revoked device is cut off within a few seconds, the others go on', async (t) => {
  const scenario = await Scenario.create(t)
  const token = await addDevice(t, scenario, 'device-1')
  await scenario.startGateway(['--auth', 'devices'])
  const post = async (bearer: string) => {
    const response = await fetch(`${scenario.url}/v1/streams/telemetry/records`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'text/plain' },
      body: 'a record'
    })
    await response.text()
    return response.status
  }
  const other = await addDevice(t, scenario, 'device-2')
  await eventually('device-2 known', async () => ((await post(other)) === 200 ? true : undefined))
  assert.equal(await post(token), 200)
  await devices(t, scenario, 'revoke', 'device-1')
  await eventually(
    'device-1 cut off',
    async () => ((await post(token)) === 401 ? true : undefined),
    5000
  )
  assert.equal(await post(other), 200)
})

test('a device cannot write as another device', async (t) => {
  const scenario = await Scenario.create(t)
  const token = await addDevice(t, scenario, 'device-1')
  await scenario.startGateway(['--auth', 'devices'])
  const response = await fetch(`${scenario.url}/v1/streams/telemetry/records`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      device: 'device-2',
      epoch: '00'.repeat(16),
      first: 1,
      prev: 0,
      records: [{ text: 'not mine' }]
    })
  })
  assert.equal(response.status, 403)
  assert.match(await response.text(), /device-2/)
  assert.equal((await readAll(scenario.url)).length, 0)
})

for (const via of combinations) {
  test(`over ${via} with TLS, lines arrive; a certificate that is not trusted is refused`, async (t) => {
    const scenario = await Scenario.create(t)
    const pair = makeCertificate(scenario.directory)
    if (!pair) {
      t.skip('openssl is not installed')
      return
    }
    const gateway = scenario.gateway([
      ...['--config', await scenario.file('gateway.yaml', tlsConfig(pair.cert, pair.key))]
    ])
    gateway.start()
    const log = await scenario.file('app.log', text)
    const port = via.startsWith('mqtt') ? scenario.mqttPort : scenario.httpPort
    const scheme = via.startsWith('mqtt') ? 'mqtts' : 'https'
    const to = ['--to', `${scheme}://127.0.0.1:${port}`]
    const stranger = scenario.agent(['--tail', log, '--once', ...to], {
      via,
      dataDir: scenario.path('stranger')
    })
    stranger.start()
    const config = await scenario.file('agent.yaml', `tls: { ca: { file: ${pair.cert} } }\n`)
    const agent = scenario.agent(['--config', config, '--tail', log, '--once', ...to], { via })
    agent.start()
    assert.equal(await agent.exit(60_000), 0, `${agent.output}\n${gateway.output}`)
    assert.ok(stranger.running, stranger.output)
    await stranger.kill()
    await gateway.kill()
    const plain = scenario.gateway()
    plain.start()
    await ready(scenario.url, plain)
    assertLinesOnceInOrder(await readAll(scenario.url), lines)
  })
}

function tlsConfig(cert: string, key: string): string {
  return `tls: { cert: { file: ${cert} }, key: { file: ${key} } }\n`
}

test('a listener outside loopback is refused without authentication and TLS', async (t) => {
  const scenario = await Scenario.create(t)
  const gateway = scenario.gateway(['--http', `0.0.0.0:${scenario.httpPort}`])
  gateway.start()
  assert.equal(await gateway.exit(), 2, gateway.output)
  assert.match(gateway.output, /insecure: true/)
})
