import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../shared/clock.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { FakeKinesis } from '../support/fake-kinesis.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, readAll } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const minuteMs = 60_000
const linesPerWrite = 1_000
const everyMs = 200

test('a Kinesis that throttles two thirds of the time for a minute gets each line once, in order, in little memory', async (t) => {
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const store = new FakeEngine({ clock: systemClock, random, keepsMarks: false })
  const kinesis = new FakeKinesis(store)
  await kinesis.listen(t)
  await store.create('telemetry', { shards: 3 })
  let refused = 0
  kinesis.throttles = () => {
    const isOver = performance.now() % 3_000 < 2_000
    if (isOver) refused += 1
    return isOver
  }
  const scenario = await Scenario.create(t)
  const config = `engine: { kinesis: { region: eu-north-1, endpoint: '${kinesis.url}' } }\n`
  const gateway = await scenario.startGateway(
    ['--config', await scenario.file('gateway.yaml', config)],
    { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }
  )
  const log = await scenario.file('app.log', '')
  const sources = `sources: { app: { tail: ${log}, from: start } }\n`
  scenario.agent(['--config', await scenario.file('agent.yaml', sources)]).start()
  const begun = performance.now()
  let count = 0
  let mostMiB = 0
  while (performance.now() - begun < minuteMs) {
    await appendFile(log, numberedLines(linesPerWrite, count + 1))
    count += linesPerWrite
    const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8')
    mostMiB = Math.max(mostMiB, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)
    await delay(everyMs)
  }
  await eventually('all lines stored', async () => {
    const metrics = await (await fetch(`${scenario.url}/metrics`)).text()
    const stored = /stored_records_total (\d+)/.exec(metrics)?.[1]
    return Number(stored) >= count || undefined
  })
  const lateMs = Math.round(performance.now() - begun - minuteMs)
  t.diagnostic(`${count} lines, the last ${lateMs} ms after the minute`)
  t.diagnostic(`${refused} entries refused, gateway at most ${Math.round(mostMiB)} MiB`)
  const read = await readAll(scenario.url)
  assertLinesOnceInOrder(read, numberedLines(count).split('\n').slice(0, -1))
  assert.ok(refused > 20)
  assert.ok(mostMiB < 400)
})
