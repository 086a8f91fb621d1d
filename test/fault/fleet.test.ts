import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Account } from '../../scripts/fleet/account.ts'
import { cleanUp } from '../support/cleanup.ts'
import { Scenario } from '../support/scenario.ts'

const simulator = join(dirname(fileURLToPath(import.meta.url)), '../../scripts/fleet/fleet.js')

interface Report {
  readonly vehicles: number
  readonly fixes: number
  readonly cuts: number
  readonly retries: number
  readonly waiting: number
  readonly drainedMs: number
  readonly account: Account
}

test('10,000 vehicles on flapping links, and a gateway that is killed under them: every fix is there once, in the order of its vehicle', {
  timeout: 400_000
}, async (t) => {
  const scenario = await Scenario.create(t)
  const streams = ['--stream', 'positions:4']
  let gateway = await scenario.startGateway(streams)
  const fleet = startFleet(t, [
    ...['--vehicles', '10000', '--seconds', '60', '--every', '10', '--up', '30', '--down', '5'],
    ...['--drain', '180', '--to', scenario.mqttUrl, '--read', scenario.url]
  ])
  await delay(30_000)
  // All who are connected lose the gateway at once and come back as a herd.
  await gateway.kill()
  await delay(3000)
  gateway = await scenario.startGateway(streams)
  const report = await fleet
  t.diagnostic(JSON.stringify(report))
  assert.equal(report.waiting, 0, 'vehicles that still hold fixes')
  assert.equal(report.fixes, 60_000)
  assert.ok(report.cuts > 5000, `only ${report.cuts} cuts`)
  const { read, missing, repeated, outOfOrder } = report.account
  assert.deepEqual(
    { read, missing, repeated, outOfOrder },
    { read: 60_000, missing: 0, repeated: 0, outOfOrder: 0 }
  )
})

async function startFleet(t: TestContext, args: readonly string[]): Promise<Report> {
  const child = spawn(process.execPath, [simulator, ...args], {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  cleanUp(t, () => child.kill('SIGKILL'))
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return JSON.parse(output) as Report
}
