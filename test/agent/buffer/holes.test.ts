import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import type { AgentBuffer } from '../../../agent/buffer/buffer.ts'
import { removeStore } from '../../../agent/buffer/store/store-file.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import {
  appendNumbers,
  cursorOf,
  damage,
  imageOf,
  numbersOf,
  open,
  segmentFile
} from './numbered-records.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { eventually } from '../../support/programs.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { never, progressSaved, storage } from './setup.ts'

const small = { segmentBytes: 20_000 }
const oneTo40 = Array.from({ length: 40 }, (_, i) => i + 1)

/** What a page takes in a `-wal`, behind the 32 bytes that begin it. */
const pageInLog = 24 + 1024

/** As it begins in the pages of a log. */
const textOf = (n: number) => `${n}`.padEnd(200, '.')

/** Breaks a commit in the `-wal` of a segment that takes no more; says which record it had. */
async function breakCommit(directory: string): Promise<number> {
  const wal = await readFile(`${await segmentFile(directory, '.db', -2)}-wal`)
  const inside = oneTo40.filter((n) => wal.includes(textOf(n)))
  const broken = inside[Math.floor(inside.length / 2)] ?? 0
  await breakRecord(directory, broken)
  return broken
}

/**
 * Breaks all pages of the last commit that has this record. Those that later commits wrote again are
 * intact there; the body is not.
 */
async function breakRecord(directory: string, n: number): Promise<void> {
  for (let index = -1; ; index--) {
    const path = await segmentFile(directory, '-wal', index)
    const wal = await readFile(path)
    const text = wal.indexOf(textOf(n))
    if (text === -1) continue
    const endsCommit = (page: number) => wal.readUInt32BE(32 + page * pageInLog + 4) !== 0
    let page = Math.floor((text - 32) / pageInLog)
    while (!endsCommit(page - 1)) page -= 1
    do await damage(path, 32 + page * pageInLog + 24 + 500)
    while (!endsCommit(page++))
    return
  }
}

/** Waits until all segments are gone that are to go: what is written comes after that. */
async function allUnlinked(buffer: AgentBuffer): Promise<void> {
  await buffer.append(chunkOf('after', 'x'))
}

/** As a source does that goes on behind its cursor. */
async function readOn(buffer: AgentBuffer, to = 40): Promise<void> {
  await appendNumbers(buffer, [cursorOf(buffer) + 1, to], 1500)
}

function lostOf(buffer: AgentBuffer): number {
  return buffer.stats().lost.reduce((sum, { records }) => sum + records, 0)
}

test('what a source reads again after a damage comes once, and is no loss', async (t) => {
  const { directory, start } = await storage(t, small)
  await appendNumbers(await start(), [1, 40], 1500)
  const image = await imageOf(t, directory)
  const broken = await breakCommit(image)
  const salvaged = await open(t, image, small)
  assert.equal(cursorOf(salvaged), broken - 1)
  assert.deepEqual(await numbersOf(salvaged), oneTo40.slice(0, broken - 1))
  await readOn(salvaged)
  assert.deepEqual(await numbersOf(salvaged), oneTo40)
  assert.equal(lostOf(salvaged), 0)
  await salvaged.stop(never)
  const again = await open(t, image, small)
  assert.deepEqual(await numbersOf(again), oneTo40)
  assert.equal(cursorOf(again), 40)
  assert.equal(lostOf(again), 0)
})

test('a second damage sends a source back to where it was, not to where it had been before', async (t) => {
  const { directory, start } = await storage(t, small)
  const buffer = await start()
  for (const n of oneTo40) {
    await appendNumbers(buffer, [n, n], 1500)
    // Keeps the segment, with the cursors that are passed over.
    await buffer.append(chunkOf('a', `-${n}`))
  }
  const first = await imageOf(t, directory)
  await breakCommit(first)
  const salvaged = await open(t, first, small)
  const cursor = cursorOf(salvaged)
  await readOn(salvaged)
  const second = await imageOf(t, first)
  await breakRecord(second, cursor + 1)
  const again = await open(t, second, small)
  assert.equal(cursorOf(again), cursor)
  await readOn(again)
  assert.deepEqual(
    (await numbersOf(again)).filter((n) => n > 0),
    oneTo40
  )
  assert.equal(lostOf(again), 0)
})

test('a second damage in an older segment loses nothing that was read again after the first', async (t) => {
  const { directory, start } = await storage(t, small)
  const buffer = await start()
  for (const n of oneTo40) {
    await appendNumbers(buffer, [n, n], 1500)
    // Keeps the segment, with the cursors that are passed over.
    await buffer.append(chunkOf('a', `-${n}`))
  }
  const first = await imageOf(t, directory)
  await breakCommit(first)
  const older = basename(await segmentFile(first, '.db', -1))
  const salvaged = await open(t, first, small)
  const cursor = cursorOf(salvaged)
  await readOn(salvaged)
  const second = await imageOf(t, first)
  await removeStore(join(second, 'segments', older))
  const again = await open(t, second, small)
  assert.equal(cursorOf(again), cursor)
  await readOn(again)
  const numbers = await numbersOf(again)
  assert.deepEqual(
    numbers.filter((n) => n > 0),
    oneTo40
  )
  assert.ok(lostOf(again) >= 80 - numbers.length)
})

test('a hole is not passed over while the salvage cannot be finished', async (t) => {
  const { directory, start } = await storage(t, small)
  await appendNumbers(await start(), [1, 40], 1500)
  const image = await imageOf(t, directory)
  const broken = await breakCommit(image)
  const disk = new FaultyDisk()
  const segments = (await readdir(join(image, 'segments'))).length
  disk.fault = (sql, path) => {
    const number = Number(/(\d{8})\.db/.exec(path)?.[1])
    return sql === 'open' && number > segments / 3 && !existsSync(path) ? 'fails' : undefined
  }
  const unfinished = await open(t, image, { ...small, openDatabase: disk.open })
  assert.equal(cursorOf(unfinished), broken - 1)
  for (const { id } of await framesOf(unfinished, 'a')) await unfinished.release(id)
  await unfinished.stop(never)
  const again = await open(t, image, small)
  assert.equal(cursorOf(again), broken - 1)
  await readOn(again)
  assert.deepEqual(await numbersOf(again), oneTo40)
  assert.equal(lostOf(again), 0)
})

test('what cannot be read again is kept around a damage, and the ledger has what is gone', async (t) => {
  const { directory, start } = await storage(t, small)
  const buffer = await start()
  for (const n of oneTo40) await buffer.append(chunkOf('a', `${n}`.padEnd(1500, '.')))
  const image = await imageOf(t, directory)
  const broken = await breakCommit(image)
  const salvaged = await open(t, image, small)
  assert.deepEqual(
    await numbersOf(salvaged),
    oneTo40.filter((n) => n !== broken)
  )
  assert.equal(lostOf(salvaged), 1)
})

test('of two sources in one stream only the one that goes back is read again', async (t) => {
  const { directory, start } = await storage(t, small)
  const buffer = await start()
  for (const n of oneTo40) {
    const input = buffer.append({
      ...chunkOf('a', `-${n}`.padEnd(1500, '.'), `-${n + 100}`),
      urgent: false
    })
    await appendNumbers(buffer, [n, n], 1500)
    await input
  }
  const image = await imageOf(t, directory)
  const broken = await breakCommit(image)
  const salvaged = await open(t, image, small)
  assert.equal(cursorOf(salvaged), broken - 1)
  await readOn(salvaged)
  const numbers = await numbersOf(salvaged)
  assert.deepEqual(
    numbers.filter((n) => n > 0),
    oneTo40
  )
  const input = numbers.filter((n) => n < 0)
  assert.equal(new Set(input).size, input.length)
  assert.equal(lostOf(salvaged), 2)
  assert.equal(input.length, 78)
})

test('a segment that was deleted by hand is read again by sources that can', async (t) => {
  const { directory, start } = await storage(t, small)
  const first = await start()
  await appendNumbers(first, [1, 40], 1500)
  await first.stop(never)
  for (const index of [0, 1]) {
    const image = await imageOf(t, directory)
    await removeStore(await segmentFile(image, '.db', index))
    const buffer = await open(t, image, small)
    const cursor = cursorOf(buffer)
    assert.ok(cursor < 20, `cursor ${cursor}`)
    await readOn(buffer)
    assert.deepEqual(await numbersOf(buffer), index === 0 ? oneTo40.slice(cursor) : oneTo40)
    assert.equal(lostOf(buffer), 0)
    await buffer.stop(never)
    const again = await open(t, image, small)
    assert.equal(cursorOf(again), 40)
    assert.equal(lostOf(again), 0)
    await again.stop(never)
  }
})

test('a segment that was deleted by hand is a loss for sources that cannot go back', async (t) => {
  const { directory, start } = await storage(t, small)
  const first = await start()
  for (const n of oneTo40) await first.append(chunkOf('a', `${n}`.padEnd(1500, '.')))
  await first.stop(never)
  for (const index of [0, 1]) {
    const image = await imageOf(t, directory)
    await removeStore(await segmentFile(image, '.db', index))
    const buffer = await open(t, image, small)
    const numbers = await numbersOf(buffer)
    assert.ok(numbers.length < 40)
    assert.equal(numbers.length + lostOf(buffer), 40, `segment ${index}`)
    await buffer.stop(never)
    const again = await open(t, image, small)
    const told = (await textsOf(await framesOf(again, 'a'))).filter((text) => text.startsWith('{'))
    assert.equal((await numbersOf(again)).length, numbers.length)
    assert.equal(lostOf(again), 40 - numbers.length, told.join())
    await again.stop(never)
  }
})

test('segments that were unlinked because all was sent are no hole, wherever they lay', async (t) => {
  const { directory, start } = await storage(t, small)
  const buffer = await start()
  await appendNumbers(buffer, [1, 3], 1500)
  // Another stream, which is sent while the first one waits.
  for (let n = 1; n <= 40; n++) await buffer.append(chunkOf('b', `${n}`.padEnd(1500, '.')))
  for (const { id } of (await framesOf(buffer, 'b')).slice(0, 35)) await buffer.release(id)
  await eventually('unlinked segments', async () => buffer.stats().segments <= 3 || undefined)
  await allUnlinked(buffer)
  const image = await imageOf(t, directory)
  const again = await open(t, image, small)
  assert.equal(cursorOf(again), 3)
  assert.equal(lostOf(again), 0)
  assert.deepEqual(await numbersOf(again), [1, 2, 3])
  assert.equal((await framesOf(again, 'b')).length >= 5, true)
})

test('room is made on a disk that takes no note of it, which is taken as soon as it can be', async (t) => {
  const disk = new FaultyDisk()
  const clock = new ManualClock()
  const { directory, start } = await storage(t, { ...small, clock, openDatabase: disk.open })
  const buffer = await start()
  await appendNumbers(buffer, [1, 40], 1500)
  const before = buffer.stats().segments
  disk.fault = (_, path) => (path.includes('agent') ? 'fails' : undefined)
  for (const { id } of (await framesOf(buffer, 'a')).slice(0, 20)) await buffer.release(id)
  await eventually('unlinked segments', async () => buffer.stats().segments < before || undefined)
  disk.fault = () => undefined
  await progressSaved(clock)
  await allUnlinked(buffer)
  const again = await open(t, await imageOf(t, directory), small)
  assert.equal(cursorOf(again), 40)
  assert.deepEqual(await numbersOf(again), oneTo40.slice(20))
  assert.equal(lostOf(again), 0)
})
