import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../shared/clock.ts'
import { FakeEngine, type Troubles } from '../support/fake-engine.ts'
import { FakeKinesis } from '../support/fake-kinesis.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { freePort, Program, readAll, ready } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const credentials = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }

async function startKinesis(t: TestContext, troubles: Troubles = {}) {
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const store = new FakeEngine({ clock: systemClock, random, troubles, keepsMarks: false })
  const kinesis = new FakeKinesis(store)
  await kinesis.listen(t)
  return { store, kinesis }
}

/** A gateway in front of a Kinesis, as a process that is not started. */
async function gatewayTo(t: TestContext, scenario: Scenario, url: string): Promise<Program> {
  const config = await scenario.file(
    'gateway.yaml',
    `engine: { kinesis: { region: eu-north-1, endpoint: '${url}', stream: telemetry } }
dataDir: ${scenario.path('gateway')}
http: 127.0.0.1:${scenario.httpPort}
mqtt: 127.0.0.1:${scenario.mqttPort}
`
  )
  return new Program(t, 'gateway', { args: ['run', '--config', config], env: credentials })
}

test('an agent writes through a gateway to a Kinesis that fails and reshards: each line once, in order', async (t) => {
  const { store, kinesis } = await startKinesis(t, {
    throttled: 0.1,
    failed: 0.1,
    cutAfter: 0.1,
    splitEvery: 25
  })
  await store.create('telemetry', { shards: 2 })
  const scenario = await Scenario.create(t)
  const gateway = await gatewayTo(t, scenario, kinesis.url)
  gateway.start()
  await ready(scenario.url, gateway)
  const text = numberedLines(20_000)
  const agent = scenario.agent([
    ...['--config', await scenario.file('agent.yaml', 'buffer: { frame: 16 KiB }\n')],
    ...['--tail', await scenario.file('app.log', text), '--once']
  ])
  agent.start()
  assert.equal(await agent.exit(60_000), 0, agent.output)
  const lines = text.split('\n').slice(0, -1)
  assertLinesOnceInOrder(await readAll(scenario.url), lines)
  const reader = new Program(t, 'stream', {
    args: ['read', 'telemetry', '--format', 'raw', '--limit', '5', '--endpoint', kinesis.url]
  })
  reader.start()
  assert.equal(await reader.exit(), 0, reader.output)
  assert.ok(reader.output.endsWith(`${lines.slice(0, 5).join('\n')}\n`), reader.output)
})

test('a gateway whose stream is missing ends with 2 and says what to do; it makes none', async (t) => {
  const { store, kinesis } = await startKinesis(t)
  const scenario = await Scenario.create(t)
  const gateway = await gatewayTo(t, scenario, kinesis.url)
  gateway.start()
  assert.equal(await gateway.exit(), 2, gateway.output)
  assert.match(gateway.output, /no stream "telemetry" at http.*the gateway makes no streams there/)
  assert.deepEqual(await store.streams(), [])
})

test('a gateway starts when its Kinesis does not answer, and says so', async (t) => {
  const scenario = await Scenario.create(t)
  const gateway = await gatewayTo(t, scenario, `http://127.0.0.1:${await freePort()}`)
  gateway.start()
  const answer = async () => {
    const response = await fetch(`${scenario.url}/readyz`)
    return { status: response.status, text: await response.text() }
  }
  let got = await answer().catch(() => undefined)
  while (!got) {
    assert.ok(gateway.running, gateway.output)
    await systemClock.sleep(50)
    got = await answer().catch(() => undefined)
  }
  assert.equal(got.status, 503)
  assert.match(got.text, /reachable from here/)
  await gateway.says(/the engine does not answer yet/)
})

test('a gateway with the embedded engine does not load the SDK', () => {
  const built = join(dirname(fileURLToPath(import.meta.url)), '../..')
  const script = `
    import { createRequire } from 'node:module'
    await import(${JSON.stringify(join(built, 'gateway/gateway.js'))})
    const loaded = Object.keys(createRequire(import.meta.url).cache)
    console.log(loaded.filter((path) => /@aws-sdk|undici/.test(path)).length)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8'
  })
  assert.equal(stdout.trim(), '0', stderr)
})
