import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { Agent } from '../../agent/agent.ts'
import { loadAgentConfig } from '../../agent/config.ts'
import { systemClock } from '../../shared/clock.ts'
import { createLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import { cleanUp } from '../support/cleanup.ts'
import { eventually } from '../support/programs.ts'
import { tempDir } from '../support/temp-dir.ts'

/** An agent that tails a file of three lines. */
async function setup(t: TestContext) {
  const directory = await tempDir(t)
  const log = join(directory, 'app.log')
  const file = join(directory, 'agent.yaml')
  await writeFile(log, 'one\ntwo\nthree\n')
  await writeFile(
    file,
    `to: http://127.0.0.1:1
dataDir: ${join(directory, 'data')}
health: { listen: off }
buffer: { commitAge: 10ms }
sources: { app: { tail: ${log}, from: start } }
`
  )
  const config = await loadAgentConfig({ file, env: {} })
  const agent = new Agent(config, {
    clock: systemClock,
    random: systemRandom,
    log: createLog('test', 'silent'),
    stdin: () => new PassThrough()
  })
  cleanUp(t, () => agent.stop(AbortSignal.abort()))
  const { signal } = new AbortController()
  return { agent, config, signal }
}

test('a reload in the middle of the start comes after it, so that no source runs twice', async (t) => {
  const { agent, config, signal } = await setup(t)
  const started = agent.start(signal)
  const reloaded = agent.reload({ ...config, gzip: true })
  await started
  await reloaded
  const records = () => agent.stats().buffer.records
  await eventually('three records', async () => (records() >= 3 ? true : undefined))
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.equal(records(), 3)
  assert.equal(agent.stats().sources['app']?.restarts, 0)
})

test('what stops is not loaded again', async (t) => {
  const { agent, config, signal } = await setup(t)
  await agent.start(signal)
  const stopped = agent.stop(AbortSignal.abort())
  const { app } = config.sources
  assert.ok(app)
  const sources = { app, other: app }
  await assert.rejects(agent.reload({ ...config, sources }), /is stopping/)
  await stopped
  assert.deepEqual(Object.keys(agent.stats().sources), ['app'])
})
