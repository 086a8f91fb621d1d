import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { loadGatewayConfig } from '../../gateway/config.ts'
import { Gateway } from '../../gateway/gateway.ts'
import { systemClock } from '../../shared/clock.ts'
import { cleanUp } from '../support/cleanup.ts'
import { FakeEngine, type Troubles } from '../support/fake-engine.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { readAll } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const troubles: Readonly<Record<string, Troubles>> = {
  'throttles a third of the puts': { throttled: 1 / 3, latencyMs: 2 },
  'fails a third of the entries': { failed: 1 / 3 },
  'cuts the connection before or after it has stored': { cutBefore: 0.2, cutAfter: 0.2 },
  'splits a shard every twentieth put': { splitEvery: 20, throttled: 0.1 }
}

for (const [what, trouble] of Object.entries(troubles)) {
  for (const keepsMarks of [true, false]) {
    const kind = keepsMarks ? 'an engine that keeps marks' : 'a remote engine'
    test(`when ${kind} ${what}, each record of an agent is read once, in order`, async (t) => {
      const random = new SeededRandom()
      t.diagnostic(`seed ${random.seed}`)
      const scenario = await Scenario.create(t)
      const log = pino({ level: 'silent' })
      const engine = new FakeEngine({ clock: systemClock, random, troubles: trouble, keepsMarks })
      const dependencies = { clock: systemClock, random, log, engine }
      const gateway = new Gateway(await configOf(scenario), dependencies)
      await gateway.start(new AbortController().signal)
      cleanUp(t, () => gateway.stop(AbortSignal.abort()))
      const text = numberedLines(30_000)
      const agent = scenario.agent([
        ...['--config', await scenario.file('agent.yaml', agentConfig)],
        ...['--tail', await scenario.file('app.log', text), '--once']
      ])
      agent.start()
      assert.equal(await agent.exit(90_000), 0, agent.output)
      assertLinesOnceInOrder(await readAll(scenario.url), text.split('\n').slice(0, -1))
      await delay(10)
      const { bytes, maxBytes } = gateway.stats().sharding
      assert.ok(bytes <= maxBytes)
    })
  }
}

/** Small frames, so that there are many puts. */
const agentConfig = `
buffer: { frame: 8 KiB }
sender: { backoff: { first: 50ms, max: 500ms } }
`

function configOf(scenario: Scenario) {
  return loadGatewayConfig({
    env: {},
    flags: [
      { path: ['dataDir'], value: scenario.path('gateway'), flag: '--data-dir' },
      { path: ['http'], value: `127.0.0.1:${scenario.httpPort}`, flag: '--http' },
      { path: ['mqtt'], value: `127.0.0.1:${scenario.mqttPort}`, flag: '--mqtt' },
      { path: ['kinesis'], value: 'off', flag: '--kinesis' }
    ]
  })
}
