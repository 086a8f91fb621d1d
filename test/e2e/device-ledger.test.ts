import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import type { DeviceLedger } from '../../gateway/admission/admission.ts'
import { eventually, freePort, type Program, readAll } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

const parts = 60
const count = parts * 100
/** One in each part is larger than the stream takes. */
const badLines = parts

/** Writes a part every 20 ms. */
async function feed(log: string): Promise<void> {
  for (let part = 0; part < parts; part++) {
    const lines = Array.from({ length: 100 }, (_, n) => `line ${part * 100 + n}\n`)
    await appendFile(log, `${lines.join('')}${'x'.repeat(3000)}\n`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function setup(t: TestContext) {
  const scenario = await Scenario.create(t)
  const config = await scenario.file(
    'gateway.yaml',
    'streams: { telemetry: { maxRecord: 2 KiB } }\n'
  )
  const startGateway = () => scenario.startGateway(['--config', config])
  const log = await scenario.file('app.log', '')
  const sources = `sources: { log: { tail: ${log}, from: start } }\n`
  const file = await scenario.file('agent.yaml', sources)
  const health = `127.0.0.1:${await freePort()}`
  const agent = scenario.agent(['--config', file, '--health', health])
  const ledger = async (): Promise<DeviceLedger> => {
    const response = await fetch(`${scenario.url}/v1/devices/device-1/ledger`)
    assert.equal(response.status, 200)
    return (await response.json()) as DeviceLedger
  }
  /** What the agent says became of its records since it started. */
  const account = async () => {
    const metrics = await (await fetch(`http://${health}/metrics`)).text()
    const sum = (name: string) =>
      [...metrics.matchAll(new RegExp(`^headwater_agent_${name}(?:\\{.*\\})? (\\d+)$`, 'gm'))]
        .map(([, value]) => Number(value))
        .reduce((total, value) => total + value, 0)
    return { acked: sum('acked_records_total'), rejected: sum('rejected_records_total') }
  }
  return { scenario, startGateway, agent, ledger, account, feed: () => feed(log) }
}

function rejectedOf({ rejected }: DeviceLedger): number {
  return Object.values(rejected).reduce((sum, one) => sum + one, 0)
}

function assertAddsUp(ledger: DeviceLedger): void {
  assert.equal(ledger.received, ledger.stored + ledger.repeated + rejectedOf(ledger))
}

async function killAfter(program: Program, stored: () => Promise<boolean>): Promise<void> {
  await eventually('a part', async () => (await stored()) || undefined)
  await program.kill()
}

test('without kills the account of the gateway is that of the agent', async (t) => {
  const { startGateway, agent, ledger, account, feed } = await setup(t)
  const gateway = await startGateway()
  agent.start()
  await feed()
  await eventually('everything', async () => {
    const { acked, rejected } = await account()
    return acked + rejected === count + badLines || undefined
  })
  const { acked, rejected } = await account()
  const ours = await ledger()
  assertAddsUp(ours)
  assert.deepEqual([ours.stored, rejectedOf(ours), ours.gaps], [acked, rejected, 0])
  assert.deepEqual([acked, rejected], [count, badLines])
  // A clean stop loses none of it.
  gateway.signal('SIGTERM')
  assert.equal(await gateway.exit(), 0)
  await startGateway()
  assert.deepEqual({ ...(await ledger()), lastSeen: '' }, { ...ours, lastSeen: '' })
})

test('when the agent is killed, what the gateway calls stored is what the stream holds', async (t) => {
  const { scenario, startGateway, agent, ledger, feed } = await setup(t)
  await startGateway()
  agent.start()
  const fed = feed()
  await killAfter(agent, async () => (await ledger()).stored > 500)
  agent.start()
  await fed
  await eventually('everything', async () => (await ledger()).stored >= count || undefined)
  const ours = await ledger()
  assertAddsUp(ours)
  assert.equal(ours.stored, (await readAll(scenario.url)).length)
  assert.equal(ours.stored, count)
  assert.ok(rejectedOf(ours) >= badLines)
})

test('when the gateway is killed too, the stream holds everything once and the account says that it may lack some', async (t) => {
  const { scenario, startGateway, agent, ledger, feed } = await setup(t)
  const gateway = await startGateway()
  agent.start()
  const fed = feed()
  await killAfter(gateway, async () => (await ledger()).stored > 500)
  await killAfter(agent, async () => true)
  await startGateway()
  agent.start()
  await fed
  const all = await eventually(
    'everything',
    async () => {
      const records = await readAll(scenario.url)
      return records.length >= count ? records : undefined
    },
    60_000
  )
  const ours = await ledger()
  assertAddsUp(ours)
  assert.equal(all.length, count)
  assert.equal(ours.gaps, 1)
  assert.ok(ours.stored > 500 && ours.stored <= count, `${ours.stored} of ${count}`)
})
