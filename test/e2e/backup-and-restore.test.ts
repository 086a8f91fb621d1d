import assert from 'node:assert/strict'
import { appendFile, cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, type Program, readAll, type ReadRecord } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const lines = (text: string) => text.split('\n').slice(0, -1)

/** Sends what is new in the log, and waits until it is acked. */
async function send(agent: Program): Promise<void> {
  agent.start()
  assert.equal(await agent.exit(), 0, agent.output)
}

/** What a frozen gateway has on its disk is what a killed one leaves behind. */
async function copyWhileFrozen(gateway: Program, from: string, to: string): Promise<void> {
  gateway.signal('SIGSTOP')
  try {
    await cp(from, to, { recursive: true })
  } finally {
    gateway.signal('SIGCONT')
  }
}

/** The guide: everything but the catalog, so that no sequence number is given out again. */
async function restore(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true })
  await cp(from, to, { recursive: true })
  for (const name of await readdir(to)) {
    if (name.startsWith('engine.db')) await rm(join(to, name))
  }
}

/** Highest sequence number of each shard. */
function tips(records: readonly ReadRecord[]): Map<string, bigint> {
  const highest = new Map<string, bigint>()
  for (const { shard, sequence } of records) {
    const number = BigInt(sequence)
    if (number > (highest.get(shard) ?? 0n)) highest.set(shard, number)
  }
  return highest
}

test('a backup of a frozen gateway brings back all that was acked before it, and new records follow in order', async (t) => {
  const scenario = await Scenario.create(t)
  const [data, backup] = [scenario.path('gateway'), scenario.path('backup')]
  let gateway = await scenario.startGateway()
  const log = await scenario.file('app.log', numberedLines(2000))
  const agent = scenario.agent(['--tail', log, '--once'])
  await send(agent)
  await copyWhileFrozen(gateway, data, backup)
  await appendFile(log, numberedLines(500, 2001))
  await send(agent)
  const before = await readAll(scenario.url)
  assert.equal(before.length, 2500)
  await gateway.kill()

  await restore(backup, data)
  gateway = await scenario.startGateway()
  assertLinesOnceInOrder(await readAll(scenario.url), lines(numberedLines(2000)))
  await appendFile(log, numberedLines(500, 2501))
  await send(agent)
  const after = await readAll(scenario.url)
  assertLinesOnceInOrder(after, [...lines(numberedLines(2000)), ...lines(numberedLines(500, 2501))])
})

test('after a restore every new sequence number is above all that the lost gateway gave out', async (t) => {
  const scenario = await Scenario.create(t)
  const [data, backup] = [scenario.path('gateway'), scenario.path('backup')]
  let gateway = await scenario.startGateway()
  const log = await scenario.file('app.log', numberedLines(100))
  const agent = scenario.agent(['--tail', log, '--once'])
  await send(agent)
  gateway.signal('SIGTERM')
  await gateway.exit()
  await cp(data, backup, { recursive: true })
  // Each life takes a range of numbers of its own, which the backup knows nothing of.
  for (const first of [101, 201]) {
    await gateway.kill()
    gateway = await scenario.startGateway()
    await appendFile(log, numberedLines(100, first))
    await send(agent)
  }
  const lost = tips(await readAll(scenario.url))
  await gateway.kill()

  await restore(backup, data)
  gateway = await scenario.startGateway()
  await appendFile(log, numberedLines(100, 301))
  await send(agent)
  const fresh = (await readAll(scenario.url)).slice(100)
  assert.equal(fresh.length, 100)
  for (const { shard, sequence } of fresh) {
    assert.ok(BigInt(sequence) > (lost.get(shard) ?? 0n), `${shard}: ${sequence}`)
  }
})

test('records that wait with an agent while its gateway is restored arrive once', async (t) => {
  const scenario = await Scenario.create(t)
  const [data, backup] = [scenario.path('gateway'), scenario.path('backup')]
  const gateway = await scenario.startGateway()
  const log = await scenario.file('app.log', numberedLines(1000))
  await send(scenario.agent(['--tail', log, '--once']))
  await copyWhileFrozen(gateway, data, backup)
  await gateway.kill()
  const agent = scenario.agent(['--tail', log])
  agent.start()
  await appendFile(log, numberedLines(1000, 1001))
  await restore(backup, data)
  await scenario.startGateway()
  const records = await eventually('all arrived', async () => {
    const all = await readAll(scenario.url)
    return all.length >= 2000 ? all : undefined
  })
  assertLinesOnceInOrder(records, lines(numberedLines(2000)))
})
