import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { AgentBuffer } from '../../../agent/buffer/buffer.ts'
import { SqliteBuffer } from '../../../agent/buffer/sqlite-buffer.ts'
import { Database } from '../../../shared/sqlite.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { bufferOptions, never, storage } from './setup.ts'

const source = 'tail:/var/log/app.log'

/** Appends records `from` to `to`, each with a cursor behind it, and a cursor before the first. */
async function appendNumbers(buffer: AgentBuffer, [from, to]: [number, number], bytes = 10) {
  const cursors = [{ source, position: Buffer.from(`${from - 1}`) }]
  await buffer.append({ ...chunkOf('a'), cursors })
  for (let n = from; n <= to; n++) {
    const cursors = [{ source, position: Buffer.from(`${n}`) }]
    await buffer.append({ ...chunkOf('a', `${n}`.padEnd(bytes, '.')), cursors })
  }
}

async function numbersOf(buffer: AgentBuffer): Promise<number[]> {
  const texts = await textsOf(await framesOf(buffer, 'a'))
  return texts.filter((text) => !text.startsWith('{')).map((text) => Number.parseInt(text, 10))
}

function cursorOf(buffer: AgentBuffer): number {
  return Number(buffer.cursors(source).get(source)?.toString() ?? 0)
}

/** The directory as a power cut leaves it. */
async function imageOf(t: TestContext, directory: string): Promise<string> {
  const image = await tempDir(t)
  await cp(directory, image, { recursive: true })
  return image
}

async function open(t: TestContext, directory: string) {
  const buffer = new SqliteBuffer(bufferOptions(directory, { random: new SeededRandom() }))
  t.after(() => buffer.stop(AbortSignal.abort()))
  await buffer.start(never)
  return buffer
}

async function segmentFile(directory: string, ending: string, index = -1): Promise<string> {
  const folder = join(directory, 'segments')
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending)).sort()
  return join(folder, String(names.at(index)))
}

async function damage(path: string, at: number, mask = 0x10): Promise<void> {
  const bytes = await readFile(path)
  bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at)
  await writeFile(path, bytes)
}

test('a flipped bit anywhere in the log loses nothing, and doubles nothing while all can be read', async (t) => {
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const { directory, start } = await storage(t)
  const buffer = await start()
  await appendNumbers(buffer, [1, 12], 1500)
  const size = (await readFile(await segmentFile(directory, '-wal'))).length
  let complete = 0
  for (let round = 0; round < 25; round++) {
    const image = await imageOf(t, directory)
    const at = round < 5 ? round * 7 : random.below(size)
    await damage(await segmentFile(image, '-wal'), at)
    const salvaged = await open(t, image)
    const numbers = await numbersOf(salvaged)
    const cursor = cursorOf(salvaged)
    const missing = Array.from({ length: 12 }, (_, i) => i + 1).filter((n) => !numbers.includes(n))
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
      `byte ${at}`
    )
    assert.equal(new Set(numbers).size, numbers.length)
    assert.ok(missing.length <= 4, `byte ${at}: ${missing.length} missing`)
    for (const n of missing) assert.ok(n > cursor, `byte ${at}: ${n} is gone, cursor ${cursor}`)
    if (missing.length === 0) {
      complete += 1
      assert.equal(cursor, 12, `byte ${at}: nothing is missing, yet all is read again`)
    }
    assert.equal((await readdir(join(image, 'quarantine'))).length, 1)
    await salvaged.stop(never)
    const again = await open(t, image)
    assert.deepEqual(await numbersOf(again), numbers)
    assert.equal(cursorOf(again), cursor)
    await again.stop(never)
    await rm(image, { recursive: true })
  }
  assert.ok(complete > 0)
})

test('what was released before a log was damaged is not sent again', async (t) => {
  const { directory, start, clock } = await withClock(t)
  const buffer = await start()
  await appendNumbers(buffer, [1, 10], 1500)
  for (const { id } of (await framesOf(buffer, 'a')).slice(0, 8)) await buffer.release(id)
  await clock.advance(1000)
  await clock.advance(1000)
  await new Promise((resolve) => setTimeout(resolve, 100))
  const image = await imageOf(t, directory)
  const wal = await segmentFile(image, '-wal')
  // SQLite alone would see nothing of this file now: neither frames nor cursors.
  await damage(wal, 24)
  const salvaged = await open(t, image)
  assert.deepEqual(await numbersOf(salvaged), [9, 10])
  assert.equal(cursorOf(salvaged), 10)
})

test('a segment that is destroyed altogether sends its sources back to what was delivered', async (t) => {
  const { directory, start, clock } = await withClock(t)
  const buffer = await start()
  await appendNumbers(buffer, [1, 10], 1500)
  for (const { id } of (await framesOf(buffer, 'a')).slice(0, 6)) await buffer.release(id)
  await clock.advance(1000)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await appendNumbers(buffer, [11, 12], 1500)
  for (const { id } of (await framesOf(buffer, 'a')).slice(0, 5)) await buffer.release(id)
  await clock.advance(1000)
  await new Promise((resolve) => setTimeout(resolve, 100))
  const image = await imageOf(t, directory)
  await writeFile(await segmentFile(image, '-wal'), Buffer.alloc(5000, 7))
  await writeFile(await segmentFile(image, '.db'), Buffer.alloc(4096, 9))
  const salvaged = await open(t, image)
  assert.deepEqual(await numbersOf(salvaged), [])
  const cursor = cursorOf(salvaged)
  assert.ok(cursor > 0 && cursor <= 11, `cursor ${cursor}`)
  await appendNumbers(salvaged, [cursor + 1, 12])
  assert.equal(cursorOf(salvaged), 12)
})

/** The page of the schema; a change in the text of a statement there is not always noticed. */
const schemaBytes = 4096

test('a flipped byte in any page behind the schema is survived, and what cannot be read is accounted for', async (t) => {
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const { directory, start } = await storage(t)
  const first = await start()
  await appendNumbers(first, [1, 12], 1500)
  await first.stop(never)
  const size = (await readFile(await segmentFile(directory, '.db'))).length
  for (let round = 0; round < 25; round++) {
    const image = await imageOf(t, directory)
    const at = round < 8 ? 100 + round * 16 : schemaBytes + random.below(size - schemaBytes)
    await damage(await segmentFile(image, '.db'), at, 0xff)
    const salvaged = await open(t, image)
    const numbers = await numbersOf(salvaged)
    const cursor = cursorOf(salvaged)
    const { parkedRecords, lost } = salvaged.stats()
    const counted = lost.reduce((sum, { records }) => sum + records, parkedRecords)
    const gone = Array.from({ length: cursor }, (_, i) => i + 1).filter((n) => !numbers.includes(n))
    assert.ok(gone.length <= counted, `byte ${at}: ${gone.length} gone, ${counted} accounted for`)
    assert.ok(numbers.length >= 6, `byte ${at}: only ${numbers.length} left`)
    await appendNumbers(salvaged, [100, 101])
    assert.deepEqual((await numbersOf(salvaged)).slice(-2), [100, 101])
    await salvaged.stop(never)
    await rm(image, { recursive: true })
  }
})

test('a damaged older segment is salvaged, and its source goes back to before what is gone', async (t) => {
  const { directory, start } = await storage(t, { segmentBytes: 20_000 })
  const first = await start()
  await appendNumbers(first, [1, 40], 1500)
  await first.stop(never)
  const path = await segmentFile(directory, '.db', 0)
  const bytes = await readFile(path)
  // An overflow page of a body, and the b-tree pages behind it.
  bytes.fill(0xee, 6 * 1024, 9 * 1024)
  await writeFile(path, bytes)
  const buffer = await start()
  const numbers = await numbersOf(buffer)
  const { parkedRecords, lost } = buffer.stats()
  const counted = lost.reduce((sum, { records }) => sum + records, parkedRecords)
  assert.equal(numbers.length + counted, 40)
  assert.ok(counted > 0 && counted < 10)
  const gone = Array.from({ length: 40 }, (_, i) => i + 1).find((n) => !numbers.includes(n))
  assert.equal(cursorOf(buffer), Number(gone) - 1)
  for (const { id } of await framesOf(buffer, 'a')) await buffer.release(id)
  assert.deepEqual(buffer.streams(), [])
})

test('a segment that turns out damaged when it is read is salvaged, and the rest flows on', async (t) => {
  const { directory, start } = await storage(t, { segmentBytes: 20_000 })
  const first = await start()
  await appendNumbers(first, [1, 40], 1500)
  await first.stop(never)
  const buffer = await start()
  const path = await segmentFile(directory, '.db', 0)
  const bytes = await readFile(path)
  // All of its pages but the first.
  bytes.fill(0xee, 1024)
  await writeFile(path, bytes)
  const numbers = await numbersOf(buffer)
  const { lost } = buffer.stats()
  assert.equal(numbers.length + (lost[0]?.records ?? 0), 40)
  assert.ok(numbers.length > 25 && numbers.length < 40)
  assert.equal((await readdir(join(directory, 'quarantine'))).length, 1)
  for (const { id } of await framesOf(buffer, 'a')) await buffer.release(id)
  assert.deepEqual(buffer.streams(), [])
})

test('a frame whose body is damaged is parked as unreadable, and those behind it are sent', async (t) => {
  const { directory, start } = await storage(t)
  const first = await start()
  await appendNumbers(first, [1, 5], 1500)
  await first.stop(never)
  const path = await segmentFile(directory, '.db')
  const bytes = await readFile(path)
  const at = bytes.indexOf('3'.padEnd(100, '.'))
  assert.ok(at > 0)
  await damage(path, at + 50)
  const buffer = await start()
  assert.deepEqual(await numbersOf(buffer), [1, 2, 4, 5])
  assert.equal(buffer.stats().parkedRecords, 1)
  const [parked] = await buffer.deadLetters({ limit: 10 })
  assert.equal(parked?.letter.code, 'unreadable')
  assert.deepEqual(parked?.letter.seqs, [[3, 3]])
  const [one, two, four] = await framesOf(buffer, 'a')
  assert.ok(one && two && four)
  await buffer.release(one.id)
  await buffer.release(two.id)
  assert.equal(buffer.floor('a', four.header.epoch), 4)
})

test('a salvage that was cut short is done again from the damaged file', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await appendNumbers(buffer, [1, 10], 1500)
  const image = await imageOf(t, directory)
  const path = await segmentFile(image, '.db')
  await damage(`${path}-wal`, 5000)
  // What a crash leaves: the new generation is complete, the damaged file is still there.
  await writeFile(path.replace(/\.db$/, '.1.db'), Buffer.alloc(0))
  const salvaged = await open(t, image)
  const numbers = await numbersOf(salvaged)
  const cursor = cursorOf(salvaged)
  for (let n = 1; n <= cursor; n++) assert.ok(numbers.includes(n))
  await salvaged.stop(never)
  const names = await readdir(join(image, 'segments'))
  assert.ok(!names.some((name) => name === path.split('/').at(-1)))
})

test('what is appended while a salvage cannot be finished outlives its repetition', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await appendNumbers(buffer, [1, 10], 1500)
  const image = await imageOf(t, directory)
  await damage(`${await segmentFile(image, '.db')}-wal`, 5000)
  const disk = new FaultyDisk()
  disk.fault = (sql, path) => (sql === 'open' && path.endsWith('00000002.db') ? 'fails' : undefined)
  const options = bufferOptions(image, { openDatabase: disk.open })
  const salvaged = new SqliteBuffer(options)
  await salvaged.start(never)
  disk.fault = () => undefined
  const cursor = cursorOf(salvaged)
  await appendNumbers(salvaged, [100, 103])
  const numbers = await numbersOf(salvaged)
  await salvaged.stop(never)
  const again = await open(t, image)
  assert.deepEqual(await numbersOf(again), numbers)
  assert.deepEqual(numbers.slice(-4), [100, 101, 102, 103])
  assert.ok(cursor > 0)
  await again.stop(never)
  assert.equal((await readdir(join(image, 'quarantine'))).length, 2)
})

test('a damaged agent.db is salvaged: the ledger and the dead letters are kept', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await buffer.append(chunkOf('a', '1', '2'))
  const [frame] = await framesOf(buffer, 'a')
  assert.ok(frame)
  await buffer.release(frame.id, [{ code: 'invalid', reason: 'no', seqs: [2] }])
  await appendNumbers(buffer, [3, 5])
  const image = await imageOf(t, directory)
  const wal = join(image, 'agent.db-wal')
  await damage(wal, 32 + 24 + 700)
  const salvaged = await open(t, image)
  const [parked] = await salvaged.deadLetters({ limit: 10 })
  assert.deepEqual(parked?.letter.seqs, [[2, 2]])
  assert.deepEqual((await numbersOf(salvaged)).slice(-3), [3, 4, 5])
  assert.ok((await readdir(image)).includes('agent.1.db'))
})

test('a segment whose first commit never happened is removed', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await appendNumbers(buffer, [1, 2])
  const image = await imageOf(t, directory)
  const unborn = join(image, 'segments', 'drop-oldest-00000099.db')
  await writeFile(unborn, '')
  const again = await open(t, image)
  assert.deepEqual(await numbersOf(again), [1, 2])
  assert.equal(cursorOf(again), 2)
  assert.ok(!(await readdir(join(image, 'segments'))).includes('drop-oldest-00000099.db'))
})

test('a file of a newer version is refused, and left as it is', async (t) => {
  const { directory, start, create } = await storage(t)
  const first = await start()
  await appendNumbers(first, [1, 2])
  await first.stop(never)
  const path = await segmentFile(directory, '.db')
  const db = await Database.open(path)
  await db.exec('PRAGMA user_version = 2')
  await db.close()
  const before = await readFile(path)
  const buffer = create()
  await assert.rejects(buffer.start(never), { code: 'store_too_new' })
  await buffer.stop(never)
  assert.deepEqual(await readFile(path), before)
})

test('copies of damaged files are bounded in number', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await appendNumbers(buffer, [1, 2])
  const image = await imageOf(t, directory)
  for (let i = 0; i < 7; i++) {
    const path = await segmentFile(image, '.db')
    await writeFile(path, Buffer.alloc(4096, 9))
    const salvaged = await open(t, image)
    await appendNumbers(salvaged, [10 + i, 10 + i])
    await salvaged.stop(never)
  }
  assert.equal((await readdir(join(image, 'quarantine'))).length, 4)
})

async function withClock(t: TestContext) {
  const { ManualClock } = await import('../../support/manual-clock.ts')
  const clock = new ManualClock()
  return { ...(await storage(t, { clock })), clock }
}
