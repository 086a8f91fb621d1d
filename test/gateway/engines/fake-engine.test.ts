import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineContract } from '../../contract/engine.ts'
import { entry, isCode, shardId } from '../../support/engine-calls.ts'
import { FakeEngine, type Troubles } from '../../support/fake-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

for (const keepsMarks of [false, true]) {
  engineContract(
    `fake engine, keepsMarks ${keepsMarks}`,
    async () =>
      new FakeEngine({ clock: new ManualClock(), random: new SeededRandom(1), keepsMarks })
  )
}

const never = new AbortController().signal

async function troubled(troubles: Troubles): Promise<FakeEngine> {
  const engine = new FakeEngine({ clock: new ManualClock(), random: new SeededRandom(1), troubles })
  await engine.create('s', { shards: 1 })
  return engine
}

test('a fake engine throttles and fails about the fraction it is told, and stores the rest', async () => {
  const engine = await troubled({ throttled: 0.3, failed: 0.3 })
  const counts = new Map<string, number>()
  for (let i = 0; i < 1000; i++) {
    const [outcome] = await engine.put('s', [entry({ text: String(i) })], never)
    const status = outcome?.status ?? ''
    counts.set(status, (counts.get(status) ?? 0) + 1)
  }
  assert.ok(Math.abs((counts.get('throttled') ?? 0) - 300) < 60)
  assert.ok(Math.abs((counts.get('failed') ?? 0) - 210) < 60)
  assert.equal(engine.stored('s', shardId(0)).length, counts.get('stored'))
})

test('a fake engine cuts a put before or after it was stored', async () => {
  const engine = await troubled({ cutBefore: 1 })
  await assert.rejects(engine.put('s', [entry({ text: 'a' })], never), isCode('unavailable'))
  assert.equal(engine.stored('s', shardId(0)).length, 0)
  engine.troubles.cutBefore = 0
  engine.troubles.cutAfter = 1
  await assert.rejects(engine.put('s', [entry({ text: 'a' })], never), isCode('unavailable'))
  assert.equal(engine.stored('s', shardId(0)).length, 1)
})

test('a fake engine splits under load, so that what was expected elsewhere lands in a child', async () => {
  const engine = await troubled({ splitEvery: 2 })
  const put = async () => (await engine.put('s', [entry({ text: 'a' })], never))[0]
  const first = await put()
  const second = await put()
  assert.equal(first?.status === 'stored' && first.shard, shardId(0))
  assert.equal(second?.status === 'stored' && second.shard, shardId(1))
})
