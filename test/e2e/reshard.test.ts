import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { assertOnceInOrderByKey } from '../support/oracle.ts'
import { eventually, freePort, Program, readAll } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

async function stream(t: TestContext, scenario: Scenario, ...args: string[]): Promise<string> {
  const command = new Program(t, 'stream', { args: [...args, '--gateway', scenario.url] })
  command.start()
  assert.equal(await command.exit(), 0, command.output)
  return command.output
}

interface Described {
  readonly shards: readonly { readonly id: string; readonly open: boolean }[]
}

async function openShards(t: TestContext, scenario: Scenario): Promise<string[]> {
  const described = JSON.parse(
    await stream(t, scenario, 'describe', 'telemetry', '--json')
  ) as Described
  return described.shards.filter((shard) => shard.open).map((shard) => shard.id)
}

test('shards split and merge while records flow: each is read once, in order by key', async (t) => {
  const scenario = await Scenario.create(t)
  const gateway = await scenario.startGateway()
  const local = await freePort()
  const config = await scenario.file(
    'agent.yaml',
    `sources: { in: { http: '127.0.0.1:${local}' } }\n`
  )
  const agent = scenario.agent(['--config', config])
  agent.start()
  const written = new Map<string, string[]>()
  let flowing = true
  const flow = (async () => {
    for (let i = 0; flowing; i++) {
      const records = Array.from({ length: 40 }, (_, k) => ({
        partitionKey: `key-${k % 20}`,
        text: `${i}/${k}`
      }))
      await eventually('the agent takes it', () => postOnce(local, records))
      for (const { partitionKey, text } of records) {
        written.set(partitionKey, [...(written.get(partitionKey) ?? []), text])
      }
    }
  })()
  for (let i = 0; i < 4; i++) {
    await delay(300)
    const [first] = await openShards(t, scenario)
    await stream(t, scenario, 'split', 'telemetry', '--shard', String(first))
    await delay(300)
    const children = (await openShards(t, scenario)).slice(-2)
    if (i % 2 === 0) {
      await stream(
        t,
        scenario,
        'merge',
        'telemetry',
        '--shard',
        String(children[0]),
        '--with',
        String(children[1])
      )
    } else {
      await gateway.kill()
      gateway.start()
      await eventually('gateway back', async () =>
        (await fetch(`${scenario.url}/readyz`)).ok ? true : undefined
      )
    }
  }
  flowing = false
  await flow
  const total = [...written.values()].reduce((sum, list) => sum + list.length, 0)
  const records = await eventually('all records', async () => {
    const all = await readAll(scenario.url)
    return all.length >= total ? all : undefined
  })
  assertOnceInOrderByKey(records, written)
})

/** The agent's answer is its commit; a refused connection before it listens is tried again. */
async function postOnce(port: number, records: readonly object[]): Promise<true | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ records })
  })
  await response.arrayBuffer()
  return response.ok ? true : undefined
}
