import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Authority } from '../support/authority.ts'
import { Program, readAll, textOf } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

const run = promisify(execFile)

/** What `devices add` prints for each way to send, for the gateway of this scenario. */
async function snippetsOf(t: TestContext, scenario: Scenario, config: string) {
  const place = ['--data-dir', scenario.path('gateway'), '--config', config]
  const fronts = [
    ...['--http', `127.0.0.1:${scenario.httpPort}`],
    ...['--mqtt', `127.0.0.1:${scenario.mqttPort}`]
  ]
  const command = new Program(t, 'gateway', {
    args: ['devices', 'add', 'truck-7', '--json', ...place, ...fronts]
  })
  command.start()
  assert.equal(await command.exit(), 0, command.output)
  return JSON.parse(command.output).snippets as Record<string, string>
}

for (const secure of [false, true]) {
  test(`what devices add prints for curl and mosquitto_pub works as printed, ${secure ? 'over TLS' : 'in cleartext'}`, async (t) => {
    const missing = ['curl', 'mosquitto_pub', 'openssl'].find(
      (one) => spawnSync(one, ['--help']).error
    )
    if (missing) {
      t.skip(`${missing} is not installed`)
      return
    }
    const scenario = await Scenario.create(t)
    Authority.make(scenario.directory)?.issue('server')
    const tls = 'tls: { cert: { file: server.pem }, key: { file: server.key } }\n'
    const config = await scenario.file('gateway.yaml', `auth: devices\n${secure ? tls : ''}`)
    const snippets = await snippetsOf(t, scenario, config)
    const gateway = scenario.gateway(['--config', config])
    gateway.start()
    await gateway.says(/"running"/)
    for (const name of ['curl', 'mosquitto_pub']) {
      await run('sh', ['-c', snippets[name] ?? 'false'], { cwd: scenario.directory })
    }
    await scenario.file('truck-7.token', 'x\n')
    const yaml = await scenario.file('agent.yaml', snippets['agent.yaml'] ?? '')
    const check = new Program(t, 'agent', { args: ['check', '--config', yaml] })
    check.start()
    assert.equal(await check.exit(), 0, check.output)
    await gateway.kill()
    await scenario.startGateway()
    const records = await readAll(scenario.url)
    assert.deepEqual(records.map(textOf), ['{"t":21.5}', '{"t":21.5}'])
    assert.deepEqual(
      records.map(({ device }) => device),
      ['truck-7', 'truck-7']
    )
  })
}
