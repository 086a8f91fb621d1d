import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { test } from 'node:test'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, readAll } from '../support/programs.ts'
import { combinations, numberedLines, Scenario } from '../support/scenario.ts'

const lines = (text: string) => text.split('\n').slice(0, -1)

for (const via of combinations) {
  for (const gzip of [false, true]) {
    const title = `over ${via}${gzip ? ' with gzip' : ''}`
    test(`${title}, every line of a tailed file is read from the stream once, in order`, async (t) => {
      const scenario = await Scenario.create(t)
      await scenario.startGateway()
      const text = numberedLines(5000)
      const log = await scenario.file('app.log', text)
      const agent = scenario.agent(['--tail', log, '--once', ...(gzip ? ['--gzip'] : [])], { via })
      agent.start()
      assert.equal(await agent.exit(), 0, agent.output)
      const records = await readAll(scenario.url)
      assertLinesOnceInOrder(records, lines(text))
      assert.deepEqual([...new Set(records.map((record) => record.device))], ['device-1'])
      assert.deepEqual([...new Set(records.map((record) => record.partitionKey))], ['device-1'])
    })
  }
}

test('a second run with --once sends only what is new', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const log = await scenario.file('app.log', numberedLines(100))
  const agent = scenario.agent(['--tail', log, '--once'])
  agent.start()
  assert.equal(await agent.exit(), 0, agent.output)
  await appendFile(log, numberedLines(50, 101))
  agent.start()
  assert.equal(await agent.exit(), 0, agent.output)
  assertLinesOnceInOrder(await readAll(scenario.url), lines(numberedLines(150)))
})

test('what was collected while the gateway was down for the whole run arrives afterwards', async (t) => {
  const scenario = await Scenario.create(t)
  const log = await scenario.file('app.log', numberedLines(3000))
  const agent = scenario.agent(['--tail', log, '--once'])
  agent.start()
  await new Promise((resolve) => setTimeout(resolve, 3000))
  assert.ok(agent.running, agent.output)
  agent.signal('SIGTERM')
  await agent.exit()
  await scenario.startGateway()
  agent.start()
  assert.equal(await agent.exit(60_000), 0, agent.output)
  assertLinesOnceInOrder(await readAll(scenario.url), lines(numberedLines(3000)))
})

test('two agents on one gateway keep their own order and their own names', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const devices = ['device-1', 'device-2']
  for (const device of devices) {
    const log = await scenario.file(`${device}.log`, numberedLines(2000))
    scenario.agent(['--tail', log, '--once'], { device }).start()
  }
  const records = await eventually('both arrived', async () => {
    const all = await readAll(scenario.url)
    return all.length >= 4000 ? all : undefined
  })
  for (const device of devices) {
    const own = records.filter((record) => record.device === device)
    assertLinesOnceInOrder(own, lines(numberedLines(2000)))
  }
})
