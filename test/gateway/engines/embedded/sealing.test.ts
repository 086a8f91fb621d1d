import assert from 'node:assert/strict'
import { cp, open, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { fileBytes } from '../../../../gateway/engines/embedded/segment-files.ts'
import { SegmentReader } from '../../../../gateway/engines/embedded/segment-reader.ts'
import { SegmentWriter } from '../../../../gateway/engines/embedded/segment-writer.ts'
import { type ErrorCode, HeadwaterError } from '../../../../shared/errors.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { entry, putAll, readTexts, shardId } from '../../../support/engine-calls.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { runningEngine } from './running-engine.ts'

const never = new AbortController().signal
const source = 'd/e/0'
const segmentBytes = 50_000
/** More than a segment holds, less than two do. */
const texts = Array.from({ length: 20 }, (_, i) => `${i} ${'x'.repeat(4000)}`)
const later = Array.from({ length: 20 }, (_, i) => `${i + 20} ${'x'.repeat(4000)}`)

async function putEach(engine: EmbeddedEngine, some: readonly string[]): Promise<string[]> {
  const sequences: string[] = []
  for (const text of some) {
    const marks = [{ source, seq: parseInt(text, 10) + 1 }]
    sequences.push(...(await putAll(engine, [entry({ text, marks })])))
  }
  return sequences
}

interface Held {
  sealed: boolean
  release: () => void
}

/** The next segment that is sealed is not, until it is told to be. */
function holdSeal(t: TestContext): Held {
  const held: Held = { sealed: false, release: () => {} }
  const released = new Promise<void>((resolve) => {
    held.release = resolve
  })
  const settle = async function (this: SegmentWriter) {
    await released
    await this.settle()
    held.sealed = true
  }
  t.mock.method(SegmentWriter.prototype, 'settle', settle, { times: 1 })
  return held
}

/** A stream of one shard with `texts` in it; the first of its two segments is being sealed. */
async function sealing(t: TestContext, clock = new ManualClock()) {
  const directory = await tempDir(t)
  const held = holdSeal(t)
  const engine = await runningEngine(t, directory, { segmentBytes, clock })
  // Before the engine is stopped, which waits for it.
  cleanUp(t, held.release)
  await engine.create('s', { shards: 1 })
  const sequences = await putEach(engine, texts)
  const [sealed = '', newest = ''] = await segments(directory)
  assert.ok(newest !== '' && !held.sealed)
  return { directory, engine, sequences, sealed, held }
}

async function segments(directory: string): Promise<string[]> {
  const path = join(directory, 'streams', 's')
  const files = (await readdir(path)).filter((file) => file.endsWith('.db')).sort()
  return files.map((file) => join(path, file))
}

/** What a machine finds that lost its power while a segment was sealed. */
async function cutOff(t: TestContext) {
  const { directory, sequences, held } = await sealing(t)
  const image = await tempDir(t)
  await cp(directory, image, { recursive: true })
  held.release()
  const [sealed = ''] = await segments(image)
  const log = `${sealed}-wal`
  assert.ok((await fileBytes(log)) > segmentBytes)
  return { image, sequences, sealed, log }
}

function failing(code: ErrorCode) {
  return async () => {
    throw new HeadwaterError(code, 'the disk fails')
  }
}

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  await file.write(Buffer.of(byte.readUInt8() ^ 0x10), 0, 1, at)
  await file.close()
}

async function waits(work: Promise<unknown>): Promise<boolean> {
  return Promise.race([work.then(() => false), setTimeout(100, true)])
}

/** A put that finds the newest segment damaged, which is mended when the one before is sealed. */
async function putIntoDamage(t: TestContext, engine: EmbeddedEngine, held: Held): Promise<void> {
  t.mock.method(SegmentWriter.prototype, 'append', failing('store_corrupt'), { times: 1 })
  const putting = engine.put('s', [entry({ text: 'refused' })], never)
  assert.ok(await waits(putting))
  held.release()
  const [outcome] = await putting
  assert.equal(outcome?.status, 'failed')
}

test('a seal that a kill cut off is ended at the next start: the log is in the file, all is read', async (t) => {
  const { image, sequences, log } = await cutOff(t)
  const engine = await runningEngine(t, image, { segmentBytes })
  assert.equal(await fileBytes(log), 0)
  const [stats] = engine.stats().streams
  assert.equal(stats?.segments, 2)
  assert.equal(stats.salvagedSegments, 0)
  assert.ok(stats.segmentBytes > texts.join('').length, `${stats.segmentBytes} bytes are counted`)
  assert.deepEqual(await readTexts(engine, shardId(0)), texts)
  assert.deepEqual(await engine.marks('s', source), [{ shard: shardId(0), seq: texts.length }])
  const [next = ''] = await putEach(engine, later)
  assert.ok(sequences.every((one) => BigInt(one) < BigInt(next)))
  assert.deepEqual(await readTexts(engine, shardId(0)), [...texts, ...later])
})

test('a bit flipped in a record of a log whose seal was cut off costs that record only, and is counted', async (t) => {
  const { image, sealed, log } = await cutOff(t)
  // A page is in the log as often as it was changed; the last time counts.
  await flip(log, (await readFile(log)).lastIndexOf(`5 ${'x'.repeat(1000)}`) + 500)
  const engine = await runningEngine(t, image, { segmentBytes })
  assert.equal(engine.stats().streams[0]?.salvagedSegments, 1)
  assert.equal(await fileBytes(log), 0)
  const left = texts.filter((_, i) => i !== 5)
  assert.deepEqual(await readTexts(engine, shardId(0)), left)
  const quarantine = await readdir(join(sealed, '..', 'quarantine'))
  assert.ok(quarantine.some((name) => name.endsWith('-wal.damaged')))
  await putEach(engine, later)
  assert.deepEqual(await readTexts(engine, shardId(0)), [...left, ...later])
})

for (const part of [0.1, 0.35, 0.6, 0.9]) {
  test(`a bit flipped at ${part} of a log whose seal was cut off costs one block at most`, async (t) => {
    const { image, log } = await cutOff(t)
    await flip(log, Math.floor((await fileBytes(log)) * part))
    const engine = await runningEngine(t, image, { segmentBytes })
    assert.equal(engine.stats().streams[0]?.salvagedSegments, 1)
    const seen = await readTexts(engine, shardId(0))
    assert.ok(seen.length >= texts.length - 1, `${seen.length} of ${texts.length} are left`)
    assert.deepEqual(
      seen,
      texts.filter((text) => seen.includes(text))
    )
  })
}

test('a cut-off seal of which nothing is readable costs its own records only', async (t) => {
  const { image, sealed, log } = await cutOff(t)
  for (const path of [sealed, log]) {
    const file = await open(path, 'r+')
    await file.write(Buffer.alloc(await fileBytes(path), 7), 0)
    await file.close()
  }
  const engine = await runningEngine(t, image, { segmentBytes })
  const seen = await readTexts(engine, shardId(0))
  assert.ok(seen.length > 0 && seen.length < texts.length)
  assert.deepEqual(seen, texts.slice(-seen.length))
  assert.deepEqual(await engine.marks('s', source), [{ shard: shardId(0), seq: texts.length }])
})

test('a segment is read and the next takes puts while it is sealed; a third begins when it is', async (t) => {
  const { engine, held } = await sealing(t)
  assert.deepEqual(await readTexts(engine, shardId(0)), texts)
  const putting = putEach(engine, later)
  assert.ok(await waits(putting))
  const seen = await readTexts(engine, shardId(0))
  assert.ok(seen.length > texts.length && seen.length < 2 * texts.length)
  held.release()
  await putting
  assert.deepEqual(await readTexts(engine, shardId(0)), [...texts, ...later])
})

test('a segment past retention is dropped when it is sealed, and not before', async (t) => {
  const clock = new ManualClock()
  const { engine, sealed, held } = await sealing(t, clock)
  await clock.advance(10_000)
  await engine.alter('s', (definition) => ({ ...definition, retentionMs: 5_000 }))
  const sweeping = engine.sweep()
  const putting = putEach(engine, ['20 new'])
  assert.ok(await waits(sweeping))
  assert.ok((await fileBytes(`${sealed}-wal`)) > 0)
  held.release()
  await sweeping
  await putting
  for (const suffix of ['', '-wal', '-shm']) assert.equal(await fileBytes(sealed + suffix), 0)
  assert.equal((await readTexts(engine, shardId(0))).at(-1), '20 new')
  assert.deepEqual(await engine.marks('s', source), [{ shard: shardId(0), seq: 21 }])
})

test('a segment that is dropped at any moment of its sealing is gone', async (t) => {
  for (let turns = 0; turns < 40; turns += 2) {
    const clock = new ManualClock()
    const { engine, held } = await sealing(t, clock)
    await engine.alter('s', (definition) => ({ ...definition, retentionMs: 5_000 }))
    await clock.advance(10_000)
    await putEach(engine, ['20 new'])
    held.release()
    for (let turn = 0; turn < turns; turn++) await setImmediate()
    await engine.sweep()
    assert.equal(engine.stats().streams[0]?.segments, 1)
    assert.equal((await readTexts(engine, shardId(0))).at(-1), '20 new')
  }
})

test('the engine stops when the seal that is under way has ended, and no log is left', async (t) => {
  const { directory, engine, held } = await sealing(t)
  const stopping = engine.stop(never)
  assert.ok(await waits(stopping))
  held.release()
  await stopping
  assert.ok(held.sealed)
  const files = await readdir(join(directory, 'streams', 's'))
  assert.ok(
    files.every((file) => file.endsWith('.db')),
    files.join(' ')
  )
  const second = await runningEngine(t, directory, { segmentBytes })
  assert.deepEqual(await readTexts(second, shardId(0)), texts)
})

test('a segment is sealed though it has an idle reader: its log is empty', async (t) => {
  const directory = await tempDir(t)
  const engine = await runningEngine(t, directory, { segmentBytes })
  await engine.create('s', { shards: 1 })
  await putEach(engine, texts.slice(0, 5))
  assert.deepEqual(await readTexts(engine, shardId(0)), texts.slice(0, 5))
  await putEach(engine, [...texts.slice(5), ...later])
  // The third segment began when the first was sealed.
  const [first = '', , third] = await segments(directory)
  assert.ok(third)
  assert.equal(await fileBytes(`${first}-wal`), 0)
})

test('a start that is refused leaves nothing open', async (t) => {
  const { image } = await cutOff(t)
  const openWriter = SegmentWriter.open.bind(SegmentWriter)
  let opens = 0
  // The newest can be opened, the one whose seal was cut off cannot.
  t.mock.method(SegmentWriter, 'open', async (path: string) => {
    opens += 1
    return opens === 1 ? openWriter(path) : failing('store_full')()
  })
  await assert.rejects(runningEngine(t, image, { segmentBytes }), { code: 'store_full' })
  const opened = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''))
  )
  assert.deepEqual(
    opened.filter((path) => path.startsWith(image)),
    []
  )
})

test('a stop while a put waits for a seal stores that put', async (t) => {
  const { directory, engine, held } = await sealing(t)
  const entries = later.map((text) => entry({ text }))
  await putAll(engine, entries)
  // The newest segment is due, so this one waits for the third.
  const putting = putAll(engine, [entry({ text: 'last' })])
  const stopping = engine.stop(never)
  assert.ok(await waits(Promise.race([putting, stopping])))
  held.release()
  await Promise.all([putting, stopping])
  const second = await runningEngine(t, directory, { segmentBytes })
  assert.deepEqual(await readTexts(second, shardId(0)), [...texts, ...later, 'last'])
})

test('a stream is deleted when its seal has ended, and may be created again', async (t) => {
  const { directory, engine, held } = await sealing(t)
  const deleting = engine.delete('s')
  assert.ok(await waits(deleting))
  held.release()
  await deleting
  assert.ok(!(await readdir(join(directory, 'streams'))).includes('s'))
  await engine.create('s', { shards: 1 })
  await putAll(engine, [entry({ text: 'new' })])
  assert.deepEqual(await readTexts(engine, shardId(0)), ['new'])
})

test('a segment that does not close well is read in this life and ended in the next', async (t) => {
  const directory = await tempDir(t)
  const image = await tempDir(t)
  for (const step of ['settle', 'close'] as const) {
    t.mock.method(SegmentWriter.prototype, step, failing('store_full'), { times: 1 })
  }
  const engine = await runningEngine(t, directory, { segmentBytes })
  await engine.create('s', { shards: 1 })
  await putEach(engine, [...texts, ...later])
  assert.deepEqual(await readTexts(engine, shardId(0)), [...texts, ...later])
  await engine.stop(never)
  await cp(directory, image, { recursive: true })
  const [sealed = ''] = await segments(image)
  assert.ok((await fileBytes(`${sealed}-wal`)) > 0)
  const second = await runningEngine(t, image, { segmentBytes })
  assert.equal(await fileBytes(`${sealed}-wal`), 0)
  assert.deepEqual(await readTexts(second, shardId(0)), [...texts, ...later])
})

test('damage of the newest segment is mended when the one before is sealed', async (t) => {
  const { engine, held } = await sealing(t)
  await putIntoDamage(t, engine, held)
  assert.equal(engine.stats().streams[0]?.salvagedSegments, 1)
  await putAll(engine, [entry({ text: 'next' })])
  assert.deepEqual(await readTexts(engine, shardId(0)), [...texts, 'next'])
  await putEach(engine, later)
  assert.deepEqual(await readTexts(engine, shardId(0)), [...texts, 'next', ...later])
})

test('a segment that is found damaged while it is sealed is mended when that has ended', async (t) => {
  const { engine, held } = await sealing(t)
  t.mock.method(SegmentReader.prototype, 'blocks', failing('store_corrupt'), { times: 1 })
  const reading = readTexts(engine, shardId(0))
  const putting = putEach(engine, later)
  assert.ok(await waits(reading))
  held.release()
  assert.deepEqual((await reading).slice(0, texts.length), texts)
  await putting
  assert.deepEqual(await readTexts(engine, shardId(0)), [...texts, ...later])
  assert.equal(engine.stats().streams[0]?.salvagedSegments, 1)
})

test('when nothing is left of the newest segment, the one that was sealed takes the next puts', async (t) => {
  const held = holdSeal(t)
  const engine = await runningEngine(t, await tempDir(t), { segmentBytes })
  cleanUp(t, held.release)
  await engine.create('s', { shards: 1 })
  // As much as fills a segment.
  const first = texts.slice(0, 13)
  await putEach(engine, first)
  await putIntoDamage(t, engine, held)
  const [stats] = engine.stats().streams
  assert.equal(stats?.salvagedSegments, 1)
  assert.equal(stats.segments, 1)
  assert.deepEqual(await readTexts(engine, shardId(0)), first)
  await putEach(engine, later)
  assert.deepEqual(await readTexts(engine, shardId(0)), [...first, ...later])
})
