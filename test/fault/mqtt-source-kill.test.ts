import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import mqtt from 'mqtt'
import { cleanUp } from '../support/cleanup.ts'
import { eventually, freePort, readAll, textOf } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'

const mosquitto = ['/usr/sbin/mosquitto', 'mosquitto'].find(
  (path) => !spawnSync(path, ['-h']).error
)

for (const version of [4, 5] as const) {
  test(`kill -9 of an agent that reads from Mosquitto loses nothing, MQTT version ${version}`, async (t) => {
    if (mosquitto === undefined) return t.skip('mosquitto is not installed')
    const scenario = await Scenario.create(t)
    await scenario.startGateway()
    const broker = await startBroker(t, scenario, mosquitto)
    const source = `  plant:\n    mqtt: ${broker}\n    topics: ['sensors/#']\n    version: ${version}\n`
    const config = await scenario.file('agent.yaml', `sources:\n${source}`)
    const agent = scenario.agent(['--config', config])
    agent.start()
    await agent.says(/subscribed at the broker/)
    const client = await mqtt.connectAsync(broker)
    cleanUp(t, () => client.endAsync(true))
    const expected: string[] = []
    for (let life = 0; life < 4; life++) {
      for (let i = 0; i < 400; i++) {
        const text = `reading ${expected.length}`
        expected.push(text)
        await client.publishAsync('sensors/a', text, { qos: 1 })
        if (i === 200) await agent.kill()
      }
      agent.start()
    }
    const read = await eventually('all is stored', async () => {
      const texts = (await readAll(scenario.url)).map(textOf)
      return new Set(texts).size >= expected.length ? texts : undefined
    })
    // The first time of each is in order: repeats come behind.
    assert.deepEqual([...new Set(read)], expected)
    assert.ok(read.length < expected.length + 4 * 1000, `${read.length} records`)
    agent.signal('SIGTERM')
    assert.equal(await agent.exit(), 0)
  })
}

async function startBroker(t: TestContext, scenario: Scenario, path: string): Promise<string> {
  const port = await freePort()
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0']
  const config = await scenario.file('mosquitto.conf', `${lines.join('\n')}\n`)
  const child: ChildProcess = spawn(path, ['-c', config], { stdio: 'ignore' })
  cleanUp(t, async () => {
    if (child.exitCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  const url = `mqtt://127.0.0.1:${port}`
  await eventually('mosquitto', async () => {
    const probe = await mqtt.connectAsync(url, { connectTimeout: 1000, reconnectPeriod: 0 }, false)
    await probe.endAsync()
    return true
  })
  return url
}
