import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { entry, isCode, putAll, readTexts, shardId } from '../../../support/engine-calls.ts'
import { ManualClock, settle } from '../../../support/manual-clock.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { life, runningEngine } from './running-engine.ts'

const hourMs = 3_600_000

function put(engine: EmbeddedEngine, text: string): Promise<string[]> {
  return putAll(engine, [entry({ text })])
}

/** A stream of one shard with a retention of a day, and a record an hour for `hours` hours. */
async function fill(engine: EmbeddedEngine, clock: ManualClock, hours: number): Promise<void> {
  for (let hour = 0; hour < hours; hour++) {
    await put(engine, `hour ${hour}`)
    await clock.advance(hourMs)
    await engine.sweep()
  }
}

test('records go when they are older than the retention, at most a segment late, and not before', async (t) => {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', { shards: 1, retentionMs: 24 * hourMs })
  await fill(engine, clock, 48)
  const texts = await readTexts(engine, shardId(0))
  assert.equal(texts.at(-1), 'hour 47')
  assert.ok(texts.length >= 24 && texts.length <= 26, `${texts.length} hours are left`)
})

test('the last records of a stream that fell silent go too', async (t) => {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', { shards: 1, retentionMs: 24 * hourMs })
  await put(engine, 'last')
  await clock.advance(23 * hourMs)
  await engine.sweep()
  assert.deepEqual(await readTexts(engine, shardId(0)), ['last'])
  await clock.advance(2 * hourMs)
  await engine.sweep()
  assert.deepEqual(await readTexts(engine, shardId(0)), [])
})

test('the engine sweeps every minute by itself', async (t) => {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', { shards: 1, retentionMs: hourMs })
  await put(engine, 'a')
  for (let minute = 0; minute < 200; minute++) {
    // Files take real time: the next minute begins when the last sweep is done.
    while (clock.sleeping === 0) await settle()
    await clock.advance(60_000)
    if ((await readTexts(engine, shardId(0))).length === 0) return
  }
  assert.fail('still there')
})

test('a wall clock that jumps to 2090, and back to 1970, deletes nothing and never makes arrival fall', async (t) => {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', { shards: 1, retentionMs: 24 * hourMs })
  const wall = [1_700_000_000_000, Date.UTC(2090, 0), 0, Date.UTC(2030, 0)]
  for (const [i, wallMs] of wall.entries()) {
    clock.jumpWall(wallMs)
    await put(engine, String(i))
    await clock.advance(2 * hourMs)
    await engine.sweep()
  }
  const { records } = await engine.read('s', shardId(0), {
    from: { at: 'start' },
    maxRecords: 10,
    maxBytes: 1e6
  })
  assert.deepEqual(
    records.map((one) => one.data.toString()),
    ['0', '1', '2', '3']
  )
  const arrivals = records.map((one) => one.arrivalMs)
  assert.deepEqual(
    arrivals,
    arrivals.toSorted((a, b) => a - b)
  )
  const sequences = records.map((one) => BigInt(one.sequence))
  assert.deepEqual(
    sequences,
    sequences.toSorted((a, b) => (a < b ? -1 : 1))
  )
})

test('a gateway that boots in 1970 deletes nothing, keeps order and stamps no earlier than before', async (t) => {
  const directory = await tempDir(t)
  const before = await life(
    { directory, clock: new ManualClock(1_700_000_000_000) },
    async (engine) => {
      await engine.create('s', { shards: 1, retentionMs: hourMs })
      return put(engine, 'a')
    }
  )
  const engine = await runningEngine(t, directory, { clock: new ManualClock(0) })
  await engine.sweep()
  const after = await put(engine, 'b')
  assert.ok(BigInt(after[0] ?? 0) > BigInt(before[0] ?? 0))
  const { records } = await engine.read('s', shardId(0), {
    from: { at: 'start' },
    maxRecords: 10,
    maxBytes: 1e6
  })
  assert.deepEqual(
    records.map((one) => one.arrivalMs),
    [1_700_000_000_000, 1_700_000_000_000]
  )
})

test('a stream that was created in 1970 takes records and rises when the time is learnt', async (t) => {
  const clock = new ManualClock(0)
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', { shards: 1 })
  const [early = ''] = await put(engine, 'a')
  clock.jumpWall(1_700_000_000_000)
  const [late = ''] = await put(engine, 'b')
  assert.ok(BigInt(late) > BigInt(early))
  const [lower = ''] = await engine.split('s', shardId(0))
  const [child = ''] = await putAll(engine, [entry({ text: 'c', shard: lower })])
  assert.ok(BigInt(child) > BigInt(late))
})

test('time in which the engine is down does not count, time in which it ran does', async (t) => {
  const directory = await tempDir(t)
  const clock = new ManualClock()
  await life({ directory, clock }, async (engine) => {
    await engine.create('s', { shards: 1, retentionMs: 10 * hourMs })
    await put(engine, 'a')
    await clock.advance(6 * hourMs)
  })
  clock.jumpWall(clock.wallMs() + 1000 * hourMs)
  // The monotonic clock of another boot begins anew.
  const later = new ManualClock(clock.wallMs())
  await life({ directory, clock: later }, async (engine) => {
    await engine.sweep()
    assert.deepEqual(await readTexts(engine, shardId(0)), ['a'])
    await later.advance(3 * hourMs)
    await engine.sweep()
    assert.deepEqual(await readTexts(engine, shardId(0)), ['a'])
    await later.advance(2 * hourMs)
    await engine.sweep()
    assert.deepEqual(await readTexts(engine, shardId(0)), [])
  })
})

test('a closed shard is listed until its records are gone and the retention has passed since', async (t) => {
  const directory = await tempDir(t)
  const clock = new ManualClock()
  const engine = await runningEngine(t, directory, { clock })
  await engine.create('s', { shards: 1, retentionMs: 24 * hourMs })
  await put(engine, 'a')
  await engine.split('s', shardId(0))
  const listed = async () => (await engine.describe('s')).shards.map((one) => one.id)
  await clock.advance(23 * hourMs)
  await engine.sweep()
  assert.deepEqual(await listed(), [shardId(0), shardId(1), shardId(2)])
  await putAll(engine, [entry({ text: 'child', shard: shardId(1) })])
  await clock.advance(2 * hourMs)
  await engine.sweep()
  assert.deepEqual(await listed(), [shardId(1), shardId(2)])
  await assert.rejects(readTexts(engine, shardId(0)), isCode('not_found'))
  assert.deepEqual(await readTexts(engine, shardId(1)), ['child'])
  assert.deepEqual(await engine.split('s', shardId(1)), [shardId(3), shardId(4)])
})

test('a reader whose position has expired goes on at the oldest record that is left', async (t) => {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', { shards: 1, retentionMs: 24 * hourMs })
  const [sequence = ''] = await put(engine, 'gone')
  await clock.advance(hourMs)
  await fill(engine, clock, 30)
  const texts = await readTexts(engine, shardId(0), { at: 'sequence', sequence })
  assert.deepEqual(texts, await readTexts(engine, shardId(0)))
  assert.ok(texts.length > 20 && !texts.includes('gone'))
})
