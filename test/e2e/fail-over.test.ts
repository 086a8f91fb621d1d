import { appendFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../shared/clock.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { FakeKinesis } from '../support/fake-kinesis.ts'
import { assertLinesOnceInOrder } from '../support/oracle.ts'
import { eventually, freePort, Program, readAll, ready } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const env = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }

test('two gateways before one Kinesis: whichever is killed, each line is read once, in order', async (t) => {
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const troubles = { failed: 0.05, cutAfter: 0.05 }
  const store = new FakeEngine({ clock: systemClock, random, troubles, keepsMarks: false })
  const kinesis = new FakeKinesis(store)
  await kinesis.listen(t)
  await store.create('telemetry', { shards: 2 })
  const scenario = await Scenario.create(t)
  const gateway = async (name: string) => {
    const url = `http://127.0.0.1:${await freePort()}`
    const config = await scenario.file(
      `${name}.yaml`,
      `engine: { kinesis: { region: eu-north-1, endpoint: '${kinesis.url}', stream: telemetry } }
dataDir: ${scenario.path(name)}
http: ${url.slice('http://'.length)}
mqtt: off
`
    )
    const program = new Program(t, 'gateway', { args: ['run', '--config', config], env })
    program.start()
    await ready(url, program)
    return { url, program }
  }
  const [first, second] = [await gateway('first'), await gateway('second')]
  const log = await scenario.file('app.log', '')
  const config = await scenario.file(
    'agent.yaml',
    `to: ['${first.url}', '${second.url}']
device: device-1
dataDir: ${scenario.path('agent')}
sources: { app: { tail: '${log}', from: start, poll: 50ms } }
buffer: { commitAge: 50ms, frame: 4 KiB }
sender: { backoff: { first: 50ms, max: 200ms } }
health: { listen: off }
`
  )
  const agent = new Program(t, 'agent', { args: ['run', '--config', config] })
  agent.start()

  let written = 0
  const write = async (chunks: number) => {
    for (let i = 0; i < chunks; i++) {
      await appendFile(log, numberedLines(100, written + 1))
      written += 100
      await delay(30)
    }
  }
  const allThrough = (url: string) =>
    eventually(`all lines through ${url}`, async () => {
      const read = await readAll(url)
      return read.length >= written ? read : undefined
    })
  await write(20)
  await Promise.all([write(30), delay(300).then(() => first.program.kill())])
  await allThrough(second.url)
  first.program.start()
  await ready(first.url, first.program)
  await Promise.all([write(30), delay(300).then(() => second.program.kill())])
  const records = await allThrough(first.url)
  assertLinesOnceInOrder(records, numberedLines(written).split('\n').slice(0, -1))
  await agent.says(/changing the gateway/)
})
