import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { JournalWriter, noJournal } from '../support/journal-writer.ts'
import { eventually, readAll, textOf } from '../support/programs.ts'
import { Scenario } from '../support/scenario.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const rounds = 8
const perRound = 500

test('kill -9 of the agent while it follows the journal: each entry is read back once, in order', {
  timeout: 120_000,
  skip: noJournal
}, async (t) => {
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const journal = await JournalWriter.create(t)
  const source = { journald: true, directory: journal.directory, from: 'start' }
  const config = await scenario.file('agent.yaml', JSON.stringify({ sources: { in: source } }))
  const agent = scenario.agent(['--config', config])
  agent.start()
  for (let round = 0; round < rounds; round++) {
    // A file a boot, of which the last is often not read when the agent dies.
    const boot = round < rounds / 2 ? 'a' : 'b'
    await journal.appendNumbered(perRound, { boot, file: boot })
    await delay(random.below(800))
    await agent.kill()
    await delay(random.below(100))
    agent.start()
  }
  const count = rounds * perRound
  const records = await eventually('all entries', async () => {
    assert.ok(agent.running, agent.output)
    const all = await readAll(scenario.url)
    return all.length >= count ? all : undefined
  })
  const messages = records.map((one) => (JSON.parse(textOf(one)) as { MESSAGE: string }).MESSAGE)
  assert.deepEqual(
    messages,
    Array.from({ length: count }, (_, i) => `entry ${i}`)
  )
})
