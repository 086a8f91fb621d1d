import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, type Program, readAll, ready } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const count = 100_000
const kills = 8

/** Writes the log in pieces that do not end at line ends, as long as the killing goes on. */
async function writeSlowly(path: string, text: string, pauseMs: number): Promise<void> {
  const file = await open(path, 'a')
  const piece = Math.ceil(text.length / 200)
  for (let at = 0; at < text.length; at += piece) {
    await file.write(text.slice(at, at + piece))
    await delay(pauseMs)
  }
  await file.close()
}

async function killAndRestart(victims: readonly Program[], pauseMs: number): Promise<void> {
  await Promise.all(victims.map((victim) => victim.kill()))
  await delay(pauseMs)
  for (const victim of victims) victim.start()
}

for (const via of ['http-cbor', 'mqtt-cbor'] as const) {
  for (const who of ['agent', 'gateway', 'in turn', 'together'] as const) {
    const title = `over ${via}, kill -9 of ${who} in the middle of ${count} records`
    test(`${title}: each is read back once, in order`, { timeout: 180_000 }, async (t) => {
      const random = new SeededRandom()
      t.diagnostic(`seed ${random.seed}`)
      const scenario = await Scenario.create(t)
      const gateway = await scenario.startGateway()
      const log = await scenario.file('app.log', '')
      const agent = scenario.agent(['--config', await agentConfig(scenario, log)], { via })
      agent.start()
      const text = numberedLines(count)
      const writing = writeSlowly(log, text, 30)
      for (let i = 0; i < kills; i++) {
        await delay(150 + random.below(700))
        const victims = { agent: [agent], gateway: [gateway], together: [agent, gateway] }
        const turn = i % 2 === 0 ? victims.agent : victims.gateway
        await killAndRestart(who === 'in turn' ? turn : victims[who], random.below(300))
      }
      await writing
      await ready(scenario.url, gateway)
      const records = await eventually(
        `all ${count} records`,
        async () => {
          assert.ok(agent.running, agent.output)
          const all = await readAll(scenario.url)
          return all.length >= count ? all : undefined
        },
        90_000
      )
      assertLinesOnceInOrder(records, text.split('\n').slice(0, -1))
    })
  }
}

/** Short waits, so that a restart is not spent in backoff. */
async function agentConfig(scenario: Scenario, log: string): Promise<string> {
  return scenario.file(
    'agent.yaml',
    `
sources:
  app: { tail: ${log}, from: start }
sender: { backoff: { first: 100ms, max: 1s } }
`
  )
}
