import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { KinesisEngine } from '../../gateway/engines/kinesis/kinesis-engine.ts'
import { systemClock } from '../../shared/clock.ts'
import { runningServer } from '../gateway/engines/embedded/wire/running-server.ts'
import { cleanUp } from '../support/cleanup.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { freePort, readAll } from '../support/programs.ts'
import {
  assertOnce,
  readAllAsKcl,
  readAsOurs,
  writeThroughReshards
} from '../support/reshard-load.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const never = new AbortController().signal

/** The engine for Amazon Kinesis in front of the embedded one, whose API keeps the limits of Amazon. */
async function pair(t: TestContext) {
  const { engine: embedded, url } = await runningServer(t, { context: { limits: 'kinesis' } })
  await embedded.create('s', { shards: 2 })
  const engine = new KinesisEngine({
    region: 'eu-north-1',
    endpoint: url,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxConnections: 8,
    refreshMs: 60_000,
    clock: systemClock,
    log: pino({ level: 'silent' })
  })
  cleanUp(t, () => engine.stop())
  await engine.start(never)
  return { engine, elsewhere: embedded }
}

test('over the API with the limits of Kinesis, splits and merges lose and double nothing, neither for our reader nor for the KCL', async (t) => {
  const { engine, elsewhere } = await pair(t)
  const written = await writeThroughReshards(t, { engine, elsewhere })
  assert.ok((await elsewhere.describe('s')).shards.length > 8, 'shards were split and merged')
  assertOnce('the KCL', await readAllAsKcl(elsewhere), written)
  assertOnce('our reader', await readAsOurs(elsewhere), written)
})

test('records over the limits of one shard are throttled, sent again in order and stored once', async (t) => {
  const region = await Scenario.create(t)
  const port = await freePort()
  const config =
    'engine: { embedded: { limits: kinesis } }\nstreams: { telemetry: { shards: 1 } }\n'
  await region.startGateway([
    ...['--config', await region.file('gateway.yaml', config)],
    ...['--kinesis', `127.0.0.1:${port}`]
  ])
  const site = await Scenario.create(t)
  const siteConfig = `engine: { kinesis: { region: us-east-1, endpoint: 'http://127.0.0.1:${port}' } }\n`
  await site.startGateway(['--config', await site.file('gateway.yaml', siteConfig)], {
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test'
  })
  // 10 MB through a shard that takes 1 MiB a second.
  const text = numberedLines(250_000)
  const agent = site.agent(['--tail', await site.file('app.log', text), '--once'])
  agent.start()
  assert.equal(await agent.exit(120_000), 0, agent.output)
  assertLinesOnceInOrder(await readAll(region.url), text.split('\n').slice(0, -1))
  const metrics = await (await fetch(`${site.url}/metrics`)).text()
  const throttles = /throttles_total\{[^}]*\} (\d+)/.exec(metrics)?.[1]
  t.diagnostic(`throttled ${throttles} times`)
  assert.ok(Number(throttles) > 0)
})
