import assert from 'node:assert/strict'
import { cp, open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Database } from '../../../../shared/sqlite.ts'
import { entry, putAll, readTexts, shardId } from '../../../support/engine-calls.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { life, runningEngine } from './running-engine.ts'

const pageBytes = 16 * 1024
const texts = Array.from({ length: 60 }, (_, i) => `${i} ${'x'.repeat(4000)}`)

interface Filled {
  readonly directory: string
  readonly sequences: readonly string[]
}

/** A stream of one shard with 60 records of 4 kB, a block each; stopped. */
async function filled(t: TestContext, segmentBytes?: number): Promise<Filled> {
  const directory = await tempDir(t)
  const options = { directory, ...(segmentBytes ? { segmentBytes } : {}) }
  const sequences = await life(options, async (engine) => {
    await engine.create('s', { shards: 1 })
    const sequences: string[] = []
    for (const [i, text] of texts.entries()) {
      const marks = [{ source: 'd/e/0', seq: i + 1 }]
      sequences.push(...(await putAll(engine, [entry({ text, marks })])))
    }
    return sequences
  })
  return { directory, sequences }
}

async function segments(directory: string): Promise<string[]> {
  const path = join(directory, 'streams', 's')
  const files = (await readdir(path)).filter((file) => file.endsWith('.db')).sort()
  return files.map((file) => join(path, file))
}

async function overwrite(path: string, at: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, at)
  await file.close()
}

test('a flipped bit in a block costs that block only; it is counted, and the rest is read', async (t) => {
  const { directory } = await filled(t)
  const [path = ''] = await segments(directory)
  const db = await Database.open(path)
  // In the middle of the data, where SQLite does not notice.
  await db.exec(
    `UPDATE blocks SET data = CAST(replace(CAST(data AS TEXT), '30 xx', '30 xy') AS BLOB)`
  )
  await db.close()
  const engine = await runningEngine(t, directory)
  const left = texts.filter((_, i) => i !== 30)
  assert.deepEqual(await readTexts(engine, shardId(0)), left)
  assert.equal(engine.stats().streams[0]?.corruptBlocks, 1)
})

test('a damaged page is salvaged around while the engine runs, and puts go on above', async (t) => {
  const { directory, sequences } = await filled(t)
  const [path = ''] = await segments(directory)
  const { size } = await stat(path)
  await overwrite(path, Math.floor(size / 2 / pageBytes) * pageBytes, Buffer.alloc(pageBytes, 0xa5))
  const engine = await runningEngine(t, directory)
  const seen = await readTexts(engine, shardId(0))
  assert.ok(
    seen.length >= texts.length - 8 && seen.length < texts.length,
    `${seen.length} are left`
  )
  assert.deepEqual(
    seen,
    texts.filter((text) => seen.includes(text))
  )
  const [sequence = ''] = await putAll(engine, [entry({ text: 'new' })])
  assert.ok(BigInt(sequence) > BigInt(sequences.at(-1) ?? 0))
  assert.equal((await readTexts(engine, shardId(0))).at(-1), 'new')
  assert.equal((await readdir(join(directory, 'streams', 's', 'quarantine'))).length > 0, true)
})

test('a newest segment that is no database is set aside; the others are read and no number is used again', async (t) => {
  const { directory, sequences } = await filled(t, 50_000)
  const paths = await segments(directory)
  await writeFile(paths.at(-1) ?? '', Buffer.alloc(20_000, 7))
  const engine = await runningEngine(t, directory, { segmentBytes: 50_000 })
  const seen = await readTexts(engine, shardId(0))
  assert.ok(seen.length >= 40 && seen.length < 60)
  assert.deepEqual(seen, texts.slice(0, seen.length))
  assert.deepEqual(await engine.marks('s', 'd/e/0'), [{ shard: shardId(0), seq: seen.length }])
  const [sequence = ''] = await putAll(engine, [entry({ text: 'new' })])
  assert.ok(BigInt(sequence) > BigInt(sequences.at(-1) ?? 0))
  assert.deepEqual(await readTexts(engine, shardId(0)), [...texts.slice(0, seen.length), 'new'])
})

test('an older segment that is no database costs its own records only', async (t) => {
  const { directory } = await filled(t, 50_000)
  const paths = await segments(directory)
  await writeFile(paths[1] ?? '', Buffer.alloc(20_000, 7))
  const engine = await runningEngine(t, directory, { segmentBytes: 50_000 })
  const seen = await readTexts(engine, shardId(0))
  assert.ok(seen.length >= 40 && seen.length < 60)
  assert.deepEqual(
    seen,
    texts.filter((text) => seen.includes(text))
  )
  assert.equal(seen.at(-1), texts.at(-1))
})

test('marks whose snapshot is damaged are read from the segment before', async (t) => {
  const { directory } = await filled(t, 50_000)
  const paths = await segments(directory)
  const db = await Database.open(paths.at(-1) ?? '')
  await db.exec(`UPDATE snapshot SET body = zeroblob(20)`)
  await db.close()
  const engine = await runningEngine(t, directory)
  assert.deepEqual(await engine.marks('s', 'd/e/0'), [{ shard: shardId(0), seq: 60 }])
})

test('a catalog that is no database is set aside and made anew from the segments', async (t) => {
  const { directory, sequences } = await filled(t)
  await writeFile(join(directory, 'engine.db'), Buffer.alloc(20_000, 7))
  const engine = await runningEngine(t, directory)
  assert.deepEqual(await readTexts(engine, shardId(0)), texts)
  const [sequence = ''] = await putAll(engine, [entry({ text: 'new' })])
  assert.ok(BigInt(sequence) > BigInt(sequences.at(-1) ?? 0))
})

test('a segment without its first commit does not count', async (t) => {
  const { directory } = await filled(t)
  const half = join(directory, 'streams', 's', `segment-${String(2 ** 40).padStart(16, '0')}.db`)
  const db = await Database.open(half)
  await db.exec('PRAGMA journal_mode = WAL; CREATE TABLE blocks (first INTEGER PRIMARY KEY)')
  await db.close()
  const engine = await runningEngine(t, directory)
  assert.deepEqual(await readTexts(engine, shardId(0)), texts)
  await putAll(engine, [entry({ text: 'new' })])
  assert.equal(engine.stats().streams[0]?.segments, 1)
})

test('a damaged lock file does not keep the engine from starting', async (t) => {
  const { directory } = await filled(t)
  await writeFile(join(directory, 'lock.db'), Buffer.alloc(5000, 9))
  const engine = await runningEngine(t, directory)
  assert.deepEqual(await readTexts(engine, shardId(0)), texts)
})

for (const part of [0.05, 0.5, 0.9]) {
  test(`a bit flipped at ${part} of the -wal costs one block at most, and no number is given twice`, async (t) => {
    const directory = await tempDir(t)
    const image = await tempDir(t)
    const first = await runningEngine(t, directory)
    await first.create('s', { shards: 1 })
    const sequences: string[] = []
    for (const text of texts) sequences.push(...(await putAll(first, [entry({ text })])))
    // What a machine finds that lost its power now.
    await cp(directory, image, { recursive: true })
    const log = `${(await segments(image))[0]}-wal`
    const wal = await readFile(log)
    const at = Math.floor(wal.length * part)
    await overwrite(log, at, Buffer.of((wal[at] as number) ^ 0x10))
    const second = await runningEngine(t, image)
    const seen = await readTexts(second, shardId(0))
    assert.ok(seen.length >= texts.length - 1, `${seen.length} of ${texts.length} are left`)
    assert.deepEqual(
      seen,
      texts.filter((text) => seen.includes(text))
    )
    const [next = ''] = await putAll(second, [entry({ text: 'new' })])
    assert.ok(sequences.every((one) => BigInt(one) < BigInt(next)))
    const quarantine = await readdir(join(image, 'streams', 's', 'quarantine'))
    assert.ok(quarantine.some((name) => name.endsWith('-wal.damaged')))
  })
}

test('a catalog that has gone back behind a split takes the shards from the segments', async (t) => {
  const directory = await tempDir(t)
  const image = await tempDir(t)
  const first = await runningEngine(t, directory)
  await first.create('s', { shards: 1 })
  await putAll(first, [entry({ text: 'before' })])
  await first.split('s', shardId(0))
  const { shards } = await first.describe('s')
  await cp(directory, image, { recursive: true })
  const log = join(image, 'engine.db-wal')
  const wal = await readFile(log)
  const frameBytes = 24 + wal.readUInt32BE(8)
  const last = 32 + (Math.floor((wal.length - 32) / frameBytes) - 1) * frameBytes
  const at = last + frameBytes - 100
  await overwrite(log, at, Buffer.of((wal[at] as number) ^ 1))
  const second = await runningEngine(t, image)
  assert.deepEqual((await second.describe('s')).shards, shards)
})

test('an index that differs from its table is damage, not the end of the stream', async (t) => {
  const { directory } = await filled(t)
  const [path = ''] = await segments(directory)
  const db = await Database.open(path)
  // A row that its index knows by another number, as a flipped bit leaves it.
  await db.exec(
    `PRAGMA writable_schema = ON;
     CREATE TABLE aside AS SELECT * FROM sqlite_schema WHERE name = 'blocks_by_shard';
     DELETE FROM sqlite_schema WHERE name = 'blocks_by_shard'`
  )
  await db.close()
  const other = await Database.open(path)
  await other.exec(
    `UPDATE blocks SET shard = 7 WHERE first = (SELECT first FROM blocks ORDER BY first LIMIT 1 OFFSET 20);
     PRAGMA writable_schema = ON;
     INSERT INTO sqlite_schema SELECT * FROM aside; DROP TABLE aside`
  )
  await other.close()
  const engine = await runningEngine(t, directory)
  const seen = await readTexts(engine, shardId(0))
  assert.ok(seen.length >= texts.length - 1, `${seen.length} are left`)
})
