import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, freePort, type Program, readAll } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }

interface Sites {
  /** Stands for Amazon Kinesis, with its limits. */
  readonly region: Scenario
  readonly site: Scenario
  readonly startRegion: () => Promise<Program>
  readonly startSite: () => Promise<Program>
}

async function sites(t: TestContext): Promise<Sites> {
  const [region, site] = [await Scenario.create(t), await Scenario.create(t)]
  const port = await freePort()
  const regionConfig = await region.file(
    'gateway.yaml',
    'engine: { embedded: { limits: kinesis } }\nstreams: { telemetry: { shards: 3 } }\n'
  )
  const siteConfig = await site.file(
    'gateway.yaml',
    `engine: { kinesis: { region: us-east-1, endpoint: 'http://127.0.0.1:${port}' } }\nspool: true\n`
  )
  const kinesis = ['--kinesis', `127.0.0.1:${port}`]
  return {
    region,
    site,
    startRegion: () => region.startGateway(['--config', regionConfig, ...kinesis]),
    startSite: () => site.startGateway(['--config', siteConfig], env)
  }
}

test('a site whose remote engine is down takes all, keeps its memory, and carries it on after kill -9', async (t) => {
  const { region, site, startRegion, startSite } = await sites(t)
  const gateway = await startSite()
  const text = numberedLines(200_000)
  const log = await site.file('app.log', text)
  const agent = site.agent(['--tail', log, '--once'])
  agent.start()
  assert.equal(await agent.exit(120_000), 0, agent.output)
  t.diagnostic(
    `resident memory of the gateway with the remote engine down: ${residentMiB(gateway)} MiB`
  )
  assert.ok(residentMiB(gateway) < 400)
  await gateway.kill()
  const remote = await startRegion()
  const again = await startSite()
  await delay(1_000)
  await again.kill()
  await startSite()
  const lines = text.split('\n').slice(0, -1)
  await eventually('all of it', () => carriedOn(region, lines.length), 120_000)
  assertLinesOnceInOrder(await readAll(region.url), lines)
  assert.ok(remote.running)
})

test('a remote engine that comes and goes gets each record once, in order', async (t) => {
  const { region, site, startRegion, startSite } = await sites(t)
  await startSite()
  const text = numberedLines(100_000)
  const agent = site.agent(['--tail', await site.file('app.log', text), '--once'])
  agent.start()
  for (let lives = 0; lives < 3; lives++) {
    const remote = await startRegion()
    await delay(700)
    await remote.kill()
  }
  await startRegion()
  assert.equal(await agent.exit(120_000), 0, agent.output)
  const lines = text.split('\n').slice(0, -1)
  await eventually('all of it', () => carriedOn(region, lines.length), 120_000)
  assertLinesOnceInOrder(await readAll(region.url), lines)
})

async function carriedOn({ url }: Scenario, count: number): Promise<true | undefined> {
  await delay(500)
  return (await readAll(url)).length >= count ? true : undefined
}

function residentMiB({ pid }: Program): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)
}
