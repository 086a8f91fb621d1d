import assert from 'node:assert/strict'
import { readdir, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { Database } from '../../../../shared/sqlite.ts'
import {
  entry,
  isCode,
  laneHash,
  putAll,
  readTexts,
  shardId
} from '../../../support/engine-calls.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { life, runningEngine } from './running-engine.ts'

const never = new AbortController().signal

function put(engine: EmbeddedEngine, text: string, seq?: number): Promise<string[]> {
  const marks = seq === undefined ? [] : [{ source: 'd/e/0', seq }]
  return putAll(engine, [entry({ text, marks })])
}

test('records, marks, shards and checkpoints are there after a restart, and numbers rise', async (t) => {
  const directory = await tempDir(t)
  const before = await life({ directory }, async (engine) => {
    await engine.create('s', { shards: 1, maxRecordBytes: 5000 })
    const sequences = await put(engine, 'a', 4)
    await engine.split('s', shardId(0))
    await engine.saveCheckpoint('app', 's', 'here')
    return sequences
  })
  const engine = await runningEngine(t, directory)
  const { shards, maxRecordBytes } = await engine.describe('s')
  assert.deepEqual(
    shards.map((one) => one.open),
    [false, true, true]
  )
  assert.equal(maxRecordBytes, 5000)
  assert.deepEqual(await readTexts(engine, shardId(0)), ['a'])
  assert.deepEqual(await engine.marks('s', 'd/e/0'), [{ shard: shardId(0), seq: 4 }])
  assert.equal(await engine.loadCheckpoint('app', 's'), 'here')
  const after = await putAll(engine, [entry({ text: 'b', shard: shardId(1) })])
  assert.ok(BigInt(after[0] ?? 0) > BigInt(before[0] ?? 0))
})

test('records without a byte are records', async (t) => {
  const directory = await tempDir(t)
  await life({ directory }, async (engine) => {
    await engine.create('s', { shards: 1 })
    await put(engine, '')
    await putAll(engine, [entry({ text: '' }), entry({ text: '' })])
    assert.deepEqual(await readTexts(engine, shardId(0)), ['', '', ''])
  })
  const engine = await runningEngine(t, directory)
  assert.deepEqual(await readTexts(engine, shardId(0)), ['', '', ''])
  assert.equal(engine.stats().streams[0]?.corruptBlocks, 0)
})

test('marks go over to the next segment, so that a dropped one takes none with it', async (t) => {
  const directory = await tempDir(t)
  const clock = new ManualClock()
  const work = async (engine: EmbeddedEngine) => {
    await engine.create('s', { shards: 1, retentionMs: 3_600_000 })
    await put(engine, 'old', 9)
    await clock.advance(2 * 3_600_000)
    await put(engine, 'new')
    await clock.advance(30 * 60_000)
    await engine.sweep()
    assert.deepEqual(await readTexts(engine, shardId(0)), ['new'])
    assert.equal(engine.stats().streams[0]?.segments, 1)
  }
  await life({ directory, clock }, work)
  const engine = await runningEngine(t, directory)
  assert.deepEqual(await engine.marks('s', 'd/e/0'), [{ shard: shardId(0), seq: 9 }])
})

test('a stream over many segments is read as one, from any place', async (t) => {
  const directory = await tempDir(t)
  const texts = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(3000)}`)
  const options = { directory, segmentBytes: 10_000 }
  const sequences = await life(options, async (engine) => {
    await engine.create('s', { shards: 2 })
    const sequences: string[] = []
    for (const text of texts) sequences.push(...(await put(engine, text)))
    assert.ok((engine.stats().streams[0]?.segments ?? 0) >= 10)
    return sequences
  })
  const engine = await runningEngine(t, directory, options)
  assert.deepEqual(await readTexts(engine, shardId(0)), texts)
  assert.deepEqual(await readTexts(engine, shardId(1)), [])
  for (const at of [0, 7, 23, 39]) {
    const sequence = sequences[at] ?? ''
    assert.deepEqual(
      await readTexts(engine, shardId(0), { at: 'sequence', sequence }),
      texts.slice(at)
    )
    assert.deepEqual(
      await readTexts(engine, shardId(0), { at: 'after', sequence }),
      texts.slice(at + 1)
    )
  }
})

test('a read by time begins at the first record that arrived then or later, in any segment', async (t) => {
  const clock = new ManualClock(1_000_000)
  const engine = await runningEngine(t, await tempDir(t), { clock, segmentBytes: 5_000 })
  await engine.create('s', { shards: 2 })
  const other = { shard: shardId(1), hash: laneHash(1, 2) }
  const texts: string[] = []
  for (let i = 0; i < 20; i++) {
    texts.push(`${i} ${'x'.repeat(2000)}`)
    await putAll(engine, [entry({ text: texts[i] ?? '' }), entry({ text: 'noise', ...other })])
    await clock.advance(1000)
  }
  for (const i of [0, 5, 13, 19]) {
    for (const early of [0, 400]) {
      const timeMs = 1_000_000 + i * 1000 - early
      assert.deepEqual(await readTexts(engine, shardId(0), { at: 'time', timeMs }), texts.slice(i))
    }
  }
})

test('a second engine on the same directory is refused, and the first is not disturbed', async (t) => {
  const directory = await tempDir(t)
  const engine = await runningEngine(t, directory)
  await assert.rejects(
    life({ directory }, async () => undefined),
    isCode('store_locked')
  )
  await engine.create('s', { shards: 1 })
  await put(engine, 'a')
})

test('a file of a newer version is refused, by name', async (t) => {
  for (const file of ['engine.db', join('streams', 's', 'segment')]) {
    const directory = await tempDir(t)
    await life({ directory }, async (engine) => {
      await engine.create('s', { shards: 1 })
      await put(engine, 'a')
    })
    const name = file.endsWith('segment') ? `${file}-${'0'.repeat(16)}.db` : file
    const db = await Database.open(join(directory, name))
    await db.exec('PRAGMA user_version = 99')
    await db.close()
    await assert.rejects(
      life({ directory }, async () => undefined),
      (thrown) => isCode('store_too_new')(thrown) && String(thrown).includes(name)
    )
  }
})

test('a deletion that was cut off is ended at the next start', async (t) => {
  const directory = await tempDir(t)
  await life({ directory }, async (engine) => {
    await engine.create('s', { shards: 1 })
    await put(engine, 'a')
  })
  const db = await Database.open(join(directory, 'engine.db'))
  await db.exec('UPDATE streams SET deleted = 1')
  await db.close()
  await life({ directory }, async (engine) => {
    assert.deepEqual(await engine.streams(), [])
    await engine.create('s', { shards: 1 })
    assert.deepEqual(await readTexts(engine, shardId(0)), [])
  })
})

test('streams are found again when the catalog is lost, with all that is in them, and no number is used again', async (t) => {
  const directory = await tempDir(t)
  const before = await life({ directory }, async (engine) => {
    await engine.create('s', { shards: 1, maxRecordBytes: 4000 })
    const sequences = await put(engine, 'a', 3)
    await engine.split('s', shardId(0))
    await engine.create('empty', { shards: 2 })
    return sequences
  })
  for (const suffix of ['', '-wal', '-shm'])
    await rm(join(directory, `engine.db${suffix}`), { force: true })
  const engine = await runningEngine(t, directory)
  assert.deepEqual(await engine.streams(), ['empty', 's'])
  const { shards, maxRecordBytes } = await engine.describe('s')
  assert.deepEqual(
    shards.map((one) => one.open),
    [false, true, true]
  )
  assert.equal(maxRecordBytes, 4000)
  assert.deepEqual(await readTexts(engine, shardId(0)), ['a'])
  assert.deepEqual(await engine.marks('s', 'd/e/0'), [{ shard: shardId(0), seq: 3 }])
  const after = await putAll(engine, [entry({ text: 'b', shard: shardId(1) })])
  assert.ok(BigInt(after[0] ?? 0) > BigInt(before[0] ?? 0))
})

test('stop stores what was taken before it', async (t) => {
  const directory = await tempDir(t)
  await life({ directory }, async (engine) => {
    await engine.create('s', { shards: 1 })
    const puts = Array.from({ length: 20 }, (_, i) => put(engine, String(i)))
    const stopped = engine.stop(never)
    await Promise.all([...puts, stopped])
  })
  await life({ directory }, async (engine) => {
    assert.equal((await readTexts(engine, shardId(0))).length, 20)
  })
})

test('stop stores what was taken before it, also when that takes several commits', async (t) => {
  const directory = await tempDir(t)
  const data = Buffer.alloc(900_000)
  await life({ directory }, async (engine) => {
    await engine.create('s', { shards: 1 })
    const puts = Array.from({ length: 60 }, () => putAll(engine, [entry({ data })]))
    const settled = Promise.allSettled(puts)
    await engine.stop(never)
    const open = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`))
    for (const one of await Promise.allSettled(open)) {
      if (one.status === 'fulfilled') assert.ok(!one.value.startsWith(directory), one.value)
    }
    for (const one of await settled) assert.equal(one.status, 'fulfilled')
  })
})
