import assert from 'node:assert/strict'
import { appendFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, freePort, Program, readAll, ready, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const lines = (text: string) => text.split('\n').slice(0, -1)

test('SIGTERM drains both programs, and starting again continues', async (t) => {
  const scenario = await Scenario.create(t)
  const gateway = await scenario.startGateway()
  const log = await scenario.file('app.log', '')
  const agent = scenario.agent(['--config', await scenario.file('a.yaml', sources(log))])
  agent.start()
  for (let round = 0; round < 3; round++) {
    await appendFile(log, numberedLines(400, round * 400 + 1))
    await eventually('the agent', async () =>
      agent.output.split('"running"').length > round + 1 ? true : undefined
    )
    await delay(300)
    agent.signal('SIGTERM')
    assert.equal(await agent.exit(), 0, agent.output)
    gateway.signal('SIGTERM')
    assert.equal(await gateway.exit(), 0, gateway.output)
    gateway.start()
    agent.start()
    await ready(scenario.url, gateway)
  }
  const records = await eventually('all lines', async () => {
    const all = await readAll(scenario.url)
    return all.length >= 1200 ? all : undefined
  })
  assertLinesOnceInOrder(records, lines(numberedLines(1200)))
})

test('SIGHUP takes a good configuration and keeps the old one when the new is bad', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const first = await scenario.file('first.log', 'from the first\n')
  const second = await scenario.file('second.log', 'from the second\n')
  const config = await scenario.file('agent.yaml', sources(first))
  const agent = scenario.agent(['--config', config])
  agent.start()
  await seen(scenario, ['from the first'])
  await writeFile(config, `${sources(first)}\nsourcs: {}\n`)
  agent.signal('SIGHUP')
  await agent.says(/sourcs/)
  await appendFile(first, 'still here\n')
  await seen(scenario, ['from the first', 'still here'])
  await writeFile(config, `${sources(first)}  other: { tail: ${second}, from: start }\n`)
  // Two at once: a source must not run twice after them.
  agent.signal('SIGHUP')
  await delay(3)
  agent.signal('SIGHUP')
  await seen(scenario, ['from the first', 'from the second', 'still here'])
  await writeFile(
    config,
    `${sources(first)}  other: { tail: ${second}, from: start, maxLine: 1 KiB }\n`
  )
  agent.signal('SIGHUP')
  await delay(3)
  agent.signal('SIGHUP')
  await delay(500)
  await appendFile(second, 'once\n')
  await seen(scenario, ['from the first', 'from the second', 'once', 'still here'])
})

test('a wrong configuration ends with code 2 and names file, line, key and the nearest valid key', async (t) => {
  const scenario = await Scenario.create(t)
  const config = await scenario.file(
    'agent.yaml',
    'to: http://127.0.0.1:1\nsoruces:\n  a: { tail: /x }\n'
  )
  const agent = new Program(t, 'agent', { args: ['check', '--config', config] })
  agent.start()
  assert.equal(await agent.exit(), 2)
  assert.match(agent.output, /agent\.yaml:2/)
  assert.match(agent.output, /soruces/)
  assert.match(agent.output, /sources/)
})

test('a port that is taken is named with the flag that moves it', async (t) => {
  const scenario = await Scenario.create(t)
  const squatter = createServer().listen(scenario.httpPort, '127.0.0.1')
  t.after(() => squatter.close())
  const gateway = scenario.gateway()
  gateway.start()
  assert.equal(await gateway.exit(), 1, gateway.output)
  assert.match(gateway.output, new RegExp(`${scenario.httpPort}`))
  assert.match(gateway.output, /--http/)
})

test('a second process on the same data directory is refused', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const second = new Program(t, 'gateway', {
    args: [
      'run',
      '--data-dir',
      scenario.path('gateway'),
      '--http',
      '127.0.0.1:0',
      '--mqtt',
      'off',
      '--kinesis',
      'off'
    ]
  })
  second.start()
  assert.equal(await second.exit(), 1, second.output)
  assert.match(second.output, /another process/i)
})

test('both programs show health and metrics', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const port = await freePort()
  const log = await scenario.file('app.log', numberedLines(10))
  const config = await scenario.file('agent.yaml', sources(log))
  const agent = scenario.agent(['--config', config, '--health', `127.0.0.1:${port}`])
  agent.start()
  await ready(`http://127.0.0.1:${port}`, agent)
  await eventually('the counters', async () => {
    const ours = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const theirs = await (await fetch(`${scenario.url}/metrics`)).text()
    assert.match(ours, /headwater_agent_acked_records_total 10\b/)
    assert.match(ours, /headwater_agent_backlog_records 0\b/)
    assert.match(ours, /headwater_agent_oldest_unsent_seconds 0\b/)
    assert.match(theirs, /headwater_gateway_stored_records_total 10\b/)
    assert.match(theirs, /headwater_gateway_commit_seconds_count/)
    return true
  })
  assert.equal((await fetch(`${scenario.url}/healthz`)).status, 200)
})

function sources(log: string): string {
  return `
sender: { backoff: { first: 100ms, max: 1s } }
sources:
  app: { tail: ${log}, from: start }
`
}

async function seen(scenario: Scenario, texts: readonly string[]): Promise<void> {
  await eventually(`exactly ${texts.join(', ')}`, async () => {
    assert.deepEqual((await readAll(scenario.url)).map(textOf).sort(), texts)
    return true
  })
}
