import assert from 'node:assert/strict'
import { appendFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, readAll } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'
import { smallDisk } from '../support/small-disk.ts'

const count = 20_000
const text = numberedLines(count)
const lines = text.split('\n').slice(0, -1)
const mebi = 1024 * 1024

test('on a full disk the agent waits, says so, and goes on by itself when there is room', async (t) => {
  const scenario = await Scenario.create(t)
  const disk = scenario.path('disk')
  if (!smallDisk(t, disk, 8 * mebi)) {
    t.skip('a small file system cannot be mounted here')
    return
  }
  await scenario.startGateway()
  const config = await scenario.file(
    'agent.yaml',
    `
sources: { app: { tail: ${scenario.path('app.log')}, from: start } }
buffer: { freeDiskFloor: 0 B }
sender: { backoff: { first: 50ms, max: 500ms } }
`
  )
  const log = await scenario.file('app.log', `${lines[0]}\n`)
  const agent = scenario.agent(['--config', config], { dataDir: join(disk, 'agent') })
  agent.start()
  await eventually('a first record', async () =>
    (await readAll(scenario.url)).length === 1 ? true : undefined
  )
  await writeFile(join(disk, 'filler'), Buffer.alloc(8 * mebi)).catch(() => undefined)
  await appendFile(log, text.slice(text.indexOf('\n') + 1))
  await agent.says(/full|SQLITE_FULL/)
  await delay(500)
  assert.ok(agent.running, agent.output)
  await rm(join(disk, 'filler'))
  const records = await eventually('all lines', async () => {
    const all = await readAll(scenario.url)
    return all.length >= count ? all : undefined
  })
  assertLinesOnceInOrder(records, lines)
})

test('on a full disk the gateway answers 503, keeps what it acked, and goes on when there is room', async (t) => {
  const scenario = await Scenario.create(t)
  const disk = scenario.path('gateway')
  if (!smallDisk(t, disk, 24 * mebi)) {
    t.skip('a small file system cannot be mounted here')
    return
  }
  const gateway = await scenario.startGateway([
    '--config',
    await scenario.file('g.yaml', 'freeDiskFloor: 0 B\n')
  ])
  await writeFile(join(disk, 'filler'), Buffer.alloc(24 * mebi)).catch(() => undefined)
  const response = await fetch(`${scenario.url}/v1/streams/telemetry/records`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'idempotency-key': 'first' },
    body: 'x'.repeat(500_000)
  })
  assert.equal(response.status, 503)
  assert.ok(response.headers.get('retry-after'))
  await response.text()
  await rm(join(disk, 'filler'))
  const agent = scenario.agent(['--tail', await scenario.file('app.log', text), '--once'])
  agent.start()
  assert.equal(await agent.exit(60_000), 0, `${agent.output}\n${gateway.output}`)
  const fromAgent = (await readAll(scenario.url)).filter((record) => record.device === 'device-1')
  assertLinesOnceInOrder(fromAgent, lines)
})
