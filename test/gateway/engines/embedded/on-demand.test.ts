import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { assertTiles, entry, readTexts } from '../../../support/engine-calls.ts'
import { ManualClock, settle } from '../../../support/manual-clock.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { runningEngine } from './running-engine.ts'

const never = new AbortController().signal
const data = Buffer.alloc(600_000, 'x')

/** Puts 1.2 MB/s of one key for some seconds, each into the shard that has it then. */
async function load(engine: EmbeddedEngine, clock: ManualClock, seconds: number): Promise<number> {
  let stored = 0
  for (let i = 0; i < seconds * 2; i++) {
    const shard = (await engine.describe('s')).shards.find(
      (one) => one.open && one.range.start === 0n
    )
    const outcomes = await engine.put(
      's',
      [entry({ data, ...(shard ? { shard: shard.id } : {}) })],
      never
    )
    stored += outcomes.filter((one) => one.status === 'stored').length
    await clock.advance(500)
  }
  return stored
}

test('a shard of an on-demand stream that is full is split, and nothing of it is lost', async (t) => {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', { shards: 1, settings: { mode: 'ON_DEMAND' } })
  const reshards: string[] = []
  engine.onReshard((stream) => reshards.push(stream))
  let stored = 0
  for (let turn = 0; turn < 20 && reshards.length === 0; turn++) {
    stored += await load(engine, clock, 1)
    await settle()
  }
  assert.deepEqual(reshards, ['s'])
  const { shards } = await engine.describe('s')
  assertTiles(shards)
  assert.equal(shards.filter((one) => one.open).length, 2)
  let read = 0
  for (const shard of shards) read += (await readTexts(engine, shard.id)).length
  assert.equal(read, stored)
})

test('a provisioned stream keeps its shards under the same load', async (t) => {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', { shards: 1 })
  assert.equal(await load(engine, clock, 10), 20)
  assert.equal((await engine.describe('s')).shards.length, 1)
})
