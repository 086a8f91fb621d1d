import assert from 'node:assert/strict'
import { appendFile, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent } from '../../agent/agent.ts'
import { loadAgentConfig } from '../../agent/config.ts'
import { createLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import { cleanUp } from '../support/cleanup.ts'
import { LeapingClock } from '../support/leaping-clock.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, freePort, readAll, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const hourMs = 3_600_000

test('with its daily budget used up an agent sends nothing, over a restart too, until the day turns', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const log = await scenario.file('app.log', numberedLines(3000))
  const file = await scenario.file(
    'agent.yaml',
    `device: truck-7
to: ${scenario.url}
dataDir: ${scenario.path('agent')}
health: { listen: off }
buffer: { frame: 4 KiB, commitAge: 20ms }
sender: { window: { frames: 1 } }
link: { budget: { day: 40 kB, month: 1 MB }, timeZone: UTC }
sources: { app: { tail: ${log}, from: start } }
`
  )
  const config = await loadAgentConfig({ file, env: {} })
  const clock = new LeapingClock(Date.parse('2026-11-21T20:00Z'))
  const start = async (): Promise<Agent> => {
    const dependencies = {
      clock,
      random: systemRandom,
      log: createLog('test', 'silent'),
      stdin: () => Readable.from([])
    }
    const agent = new Agent(config, dependencies)
    cleanUp(t, () => agent.stop(AbortSignal.abort()))
    await agent.start(new AbortController().signal)
    return agent
  }
  const arrived = async (): Promise<number> => (await readAll(scenario.url)).length
  const used = (agent: Agent): number => agent.stats().link.periods[0]?.usedBytes ?? 0

  const first = await start()
  await eventually('the end of the budget', async () =>
    first.stats().link.held.length > 0 && first.stats().sender.inFlightFrames === 0
      ? true
      : undefined
  )
  const before = await arrived()
  assert.ok(before > 100 && before < 2000, `${before} lines`)
  assert.ok(used(first) >= 40_000 && used(first) < 50_000, `${used(first)} bytes`)
  await first.stop(AbortSignal.timeout(10_000))

  const second = await start()
  assert.equal(used(second), used(first))
  clock.leap(3 * hourMs)
  await delay(300)
  assert.equal(await arrived(), before)
  assert.deepEqual(second.stats().link.held, [{ stream: 'telemetry', reason: 'budget' }])

  // Each day has its share, until all is there.
  const lines = (await readFile(log, 'utf8')).split('\n').slice(0, -1)
  clock.leap(2 * hourMs)
  await eventually('the share of the next day', async () =>
    (await arrived()) > before ? true : undefined
  )
  assert.equal(second.stats().link.periods[0]?.period, 'day')
  const records = await eventually('all lines', async () => {
    clock.leap(6 * hourMs)
    await delay(200)
    const all = await readAll(scenario.url)
    return all.length >= lines.length ? all : undefined
  })
  assertLinesOnceInOrder(records, lines)
})

test('a stream that waits for an unmetered link stays in the buffer and goes when there is one', async (t) => {
  const scenario = await Scenario.create(t)
  const streams = await scenario.file('gateway.yaml', 'streams: { telemetry: {}, bulk: {} }\n')
  await scenario.startGateway(['--config', streams])
  const bulk = await scenario.file('bulk.log', numberedLines(50))
  const log = await scenario.file('app.log', 'on its way\n')
  const port = await freePort()
  const config = (metered: string): string => `link: { metered: ${metered} }
streams: { bulk: { wait: unmetered } }
buffer: { commitAge: 20ms }
sources:
  app: { tail: ${log}, from: start }
  bulk: { tail: ${bulk}, from: start, stream: bulk }
`
  const args = ['--config', await scenario.file('a.yaml', config('{ interfaces: [lo] }'))]
  const agent = scenario.agent([...args, '--health', `127.0.0.1:${port}`])
  agent.start()
  const body = async (path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${port}${path}`)).text()
  await eventually('the other stream', async () =>
    (await readAll(scenario.url)).length === 1 ? true : undefined
  )
  await eventually('the word that it is meant', async () => {
    const { status, notes } = JSON.parse(await body('/healthz'))
    if (!notes) return undefined
    assert.deepEqual(
      [status, notes],
      ['ok', ['stream bulk waits as configured: the link is metered']]
    )
    return true
  })
  assert.match(
    await body('/metrics'),
    /^headwater_agent_link_held_stream\{stream="bulk",reason="metered"\} 1$/m
  )
  agent.signal('SIGTERM')
  assert.equal(await agent.exit(), 0, agent.output)
  await appendFile(bulk, 'and one more\n')
  await scenario.file('a.yaml', config('false'))
  agent.start()
  const records = await eventually('the stream that waited', async () => {
    const all = await readAll(scenario.url, 'bulk')
    return all.length >= 51 ? all : undefined
  })
  assert.equal(records.map(textOf).at(-1), 'and one more')
  assert.equal(records.length, 51)
})
