import assert from 'node:assert/strict'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sealFirstPage, storeVersion } from '../../../agent/buffer/store/first-page.ts'
import { SqliteBuffer } from '../../../agent/buffer/sqlite-buffer.ts'
import { Database } from '../../../shared/sqlite.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { FaultyDisk } from './faulty-disk.ts'
import {
  appendNumbers,
  cursorOf,
  damage,
  imageOf,
  numbersOf,
  open,
  segmentFile
} from './numbered-records.ts'
import { bufferOptions, never, progressSaved, storage } from './setup.ts'

const oneTo12 = Array.from({ length: 12 }, (_, i) => i + 1)

test('a flipped bit anywhere in the log loses nothing and doubles nothing', async (t) => {
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
    assert.deepEqual(numbers, oneTo12.slice(0, cursor), `byte ${at}: cursor ${cursor}`)
    if (cursor === 12) complete += 1
    assert.equal((await readdir(join(image, 'quarantine'))).length, 1)
    await salvaged.stop(never)
    const again = await open(t, image)
    assert.deepEqual(await numbersOf(again), numbers)
    assert.equal(cursorOf(again), cursor)
    await appendNumbers(again, [cursor + 1, 12])
    assert.deepEqual(await numbersOf(again), oneTo12)
    assert.deepEqual(again.stats().lost, [], `byte ${at}`)
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
  await progressSaved(clock)
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
  await progressSaved(clock)
  await appendNumbers(buffer, [11, 12], 1500)
  for (const { id } of (await framesOf(buffer, 'a')).slice(0, 5)) await buffer.release(id)
  await progressSaved(clock)
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

test('a flipped byte anywhere in a file is survived, and what cannot be read is accounted for', async (t) => {
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const { directory, start } = await storage(t)
  const first = await start()
  await appendNumbers(first, [1, 12], 1500)
  await first.stop(never)
  const size = (await readFile(await segmentFile(directory, '.db'))).length
  for (let round = 0; round < 50; round++) {
    const image = await imageOf(t, directory)
    // Half of them into the header and the schema.
    const at = random.below(round % 2 === 0 ? 1024 : size)
    await damage(await segmentFile(image, '.db'), at, 1 + random.below(255))
    const salvaged = await open(t, image)
    const numbers = await numbersOf(salvaged)
    const cursor = cursorOf(salvaged)
    const { parkedRecords, lost } = salvaged.stats()
    const counted = lost.reduce((sum, { records }) => sum + records, parkedRecords)
    const gone = Array.from({ length: cursor }, (_, i) => i + 1).filter((n) => !numbers.includes(n))
    assert.ok(gone.length <= counted, `byte ${at}: ${gone.length} gone, ${counted} accounted for`)
    if (at < 1024) assert.equal(numbers.length, 12, `byte ${at}: only ${numbers.length} left`)
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
  const cursor = cursorOf(buffer)
  const numbers = await numbersOf(buffer)
  assert.ok(cursor < 10 && numbers.length <= cursor, `cursor ${cursor}`)
  await appendNumbers(buffer, [cursor + 1, 40], 1500)
  const all = await numbersOf(buffer)
  assert.deepEqual(
    all.slice(-(40 - cursor)),
    Array.from({ length: 40 - cursor }, (_, i) => cursor + 1 + i)
  )
  assert.equal(all.length + buffer.stats().parkedRecords, 40)
  assert.deepEqual(buffer.stats().lost, [])
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

test('frames that were salvaged during a read come before those that follow them', async (t) => {
  const { directory, start } = await storage(t, { segmentBytes: 20_000 })
  const first = await start()
  await appendNumbers(first, [1, 40], 2500)
  await first.stop(never)
  const path = await segmentFile(directory, '.db', 1)
  const bytes = await readFile(path)
  // The table of frames is found, and one of the pages that a body goes on in is not.
  const page = Array.from({ length: bytes.length / 1024 }, (_, i) => i).findIndex(
    (i) => i > 3 && bytes.readUInt32BE(i * 1024) === i + 2
  )
  assert.ok(page > 0)
  await damage(path, page * 1024, 0x40)
  const buffer = await start()
  const [before] = await buffer.read('a', undefined, 1)
  const numbers: number[] = []
  for (let after = before?.id; ; ) {
    const read = await buffer.read('a', after, 100_000)
    if (read.length === 0) break
    after = read.at(-1)?.id
    numbers.push(...(await textsOf(read)).map((text) => Number.parseInt(text, 10)))
  }
  const lost = buffer.stats().lost.reduce((sum, { records }) => sum + records, 0)
  assert.ok(lost > 0)
  assert.equal(numbers.length, 39 - lost)
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b)
  )
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

test('a salvage that could not be finished is finished before the next commit', async (t) => {
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
  assert.equal(cursorOf(again), 103)
  await again.stop(never)
  assert.equal((await readdir(join(image, 'quarantine'))).length, 1)
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
  await sealFirstPage(db, storeVersion + 1)
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
