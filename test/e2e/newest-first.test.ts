import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually, type ReadRecord, readAll, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const config = (log: string) => `
sources: { app: { tail: '${log}', from: start, poll: 50ms } }
streams: { telemetry: { order: newest-first, backlogAfter: 1s } }
buffer: { commitAge: 50ms }
sender: { window: { frames: 2 }, backoff: { first: 100ms, max: 300ms } }
`

const numberOf = (record: ReadRecord) => Number(/\d+/.exec(textOf(record))?.[0])

function assertAscending(numbers: readonly number[], what: string): void {
  const at = numbers.findIndex((number, i) => i > 0 && number <= (numbers[i - 1] ?? 0))
  assert.equal(at, -1, `${what}: ${numbers[at]} comes behind ${numbers[at - 1]}`)
}

for (const via of ['http-json', 'mqtt-cbor'] as const) {
  test(`over ${via}, the newest arrives first after an outage, and all of it once, whatever is killed`, async (t) => {
    const scenario = await Scenario.create(t)
    const gateway = await scenario.startGateway()
    const log = await scenario.file('app.log', numberedLines(50))
    const file = await scenario.file('agent.yaml', config(log))
    const agent = scenario.agent(['--config', file], { via })
    agent.start()
    await eventually(
      'the first lines',
      async () => (await readAll(scenario.url)).length === 50 || undefined
    )

    let written = 50
    const write = async (chunks: number) => {
      for (let i = 0; i < chunks; i++) {
        await appendFile(log, numberedLines(5, written + 1))
        written += 5
        await delay(150)
      }
    }
    await gateway.kill()
    await write(45)
    await agent.kill()
    const beforeReboot = written
    agent.start()
    await write(15)
    const duringOutage = written
    gateway.start()
    await eventually(
      'something of the outage',
      async () => (await readAll(scenario.url)).length > 60 || undefined
    )
    await Promise.all([gateway.kill(), agent.kill()])
    agent.start()
    gateway.start()
    await write(5)
    const records = await eventually('all lines', async () => {
      const read = await readAll(scenario.url)
      return read.length >= written ? read : undefined
    })

    const numbers = records.map(numberOf)
    assert.equal(records.length, written)
    assert.equal(new Set(numbers).size, written)
    const backlog = records.filter(({ lane }) => lane === 'backlog').map(numberOf)
    const live = records.filter(({ lane }) => lane === undefined).map(numberOf)
    assertAscending(live, 'live')
    assertAscending(backlog, 'backlog')
    assert.ok(backlog.length > 200, `${backlog.length} of ${written} waited`)
    const newest = numbers.findIndex((number) => number > beforeReboot && number <= duringOutage)
    const oldest = numbers.findIndex((number) => number === backlog[0])
    const ahead = records.slice(0, newest).filter(({ lane }) => lane === 'backlog').length
    t.diagnostic(`newest at ${newest}, backlog from ${oldest}, ${ahead} ahead`)
    assert.ok(
      newest < oldest + 20,
      `the newest comes at ${newest}, the backlog begins at ${oldest}`
    )
  })
}
