import assert from 'node:assert/strict'
import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { isWhole } from '../../../agent/buffer/store/whole-file.ts'
import type { AgentBuffer } from '../../../agent/buffer/buffer.ts'
import { framesOf } from '../../contract/buffer.ts'
import {
  appendNumbers,
  cursorOf,
  imageOf,
  numbersOf,
  open,
  segmentFile
} from './numbered-records.ts'
import { never, storage } from './setup.ts'

const small = { segmentBytes: 20_000 }
const last = 14
const pageBytes = 1024

/** As a source does that goes on behind its cursor; then every record came once, or is counted. */
async function readOnAndCount(buffer: AgentBuffer, where: string): Promise<void> {
  // Damage that shows when it is read is found before the source goes on.
  await numbersOf(buffer)
  await appendNumbers(buffer, [cursorOf(buffer) + 1, last], 1500)
  const numbers = await numbersOf(buffer)
  assert.equal(new Set(numbers).size, numbers.length, `${where}: doubled`)
  const { lost, parkedRecords } = buffer.stats()
  const counted = lost.reduce((sum, { records }) => sum + records, parkedRecords)
  assert.equal(numbers.length + counted, last, where)
}

for (const [name, index] of [
  ['a sealed', 0],
  ['the newest', -1]
] as const) {
  test(`${name} segment may be cut short anywhere: every record comes, or is counted`, async (t) => {
    const { directory, start } = await storage(t, small)
    const first = await start()
    await appendNumbers(first, [1, last], 1500)
    await first.stop(never)
    const { size } = await stat(await segmentFile(directory, '.db', index))
    const ends = [0, 1, 50, 512, pageBytes, size - pageBytes, size - 1]
    for (let at = 1500; at < size; at += 900) ends.push(at)
    for (const at of ends) {
      const image = await imageOf(t, directory)
      await truncate(await segmentFile(image, '.db', index), at)
      const buffer = await open(t, image, small)
      await readOnAndCount(buffer, `${at} of ${size} bytes`)
      await buffer.stop(never)
      await rm(image, { recursive: true })
    }
  })
}

test('an empty file beside a log with commits is salvaged from the log', async (t) => {
  const { directory, start } = await storage(t)
  await appendNumbers(await start(), [1, last], 1500)
  const image = await imageOf(t, directory)
  await truncate(await segmentFile(image, '.db'), 0)
  const buffer = await open(t, image)
  assert.equal((await numbersOf(buffer)).length, last)
  assert.equal(cursorOf(buffer), last)
})

test('a page of a sealed segment that ends in zeros never stops the start', async (t) => {
  const { directory, start } = await storage(t, small)
  const first = await start()
  await appendNumbers(first, [1, last], 1500)
  await first.stop(never)
  const { size } = await stat(await segmentFile(directory, '.db', 0))
  for (let page = 1; page < size / pageBytes; page++) {
    for (const intact of page < 3 ? [0, 300, 900] : [0, 300]) {
      const image = await imageOf(t, directory)
      const path = await segmentFile(image, '.db', 0)
      const bytes = await readFile(path)
      bytes.fill(0, page * pageBytes + intact, (page + 1) * pageBytes)
      await writeFile(path, bytes)
      const buffer = await open(t, image, small)
      await readOnAndCount(buffer, `page ${page} from ${intact} on`)
      await buffer.stop(never)
      await rm(image, { recursive: true })
    }
  }
})

test('a sealed segment that is cut short while it is open is salvaged when it is read', async (t) => {
  const { directory, start } = await storage(t, small)
  const first = await start()
  await appendNumbers(first, [1, last], 1500)
  await first.stop(never)
  const buffer = await start()
  const [frame] = await buffer.read('a', undefined, 1)
  assert.ok(frame)
  const path = await segmentFile(directory, '.db', 0)
  await truncate(path, (await stat(path)).size - 2 * pageBytes)
  // The salvage happens during this one, which then begins anew.
  await numbersOf(buffer)
  const numbers = await numbersOf(buffer)
  const lost = buffer.stats().lost.reduce((sum, { records }) => sum + records, 0)
  assert.ok(lost > 0)
  assert.equal(numbers.length + lost, last)
  for (const { id } of await framesOf(buffer, 'a')) await buffer.release(id)
  assert.deepEqual(buffer.streams(), [])
})

test('a file that was never copied over from its log is whole; without its log it is not', async (t) => {
  const { directory, start } = await storage(t)
  await appendNumbers(await start(), [1, last], 1500)
  const image = await imageOf(t, directory)
  const path = await segmentFile(image, '.db')
  assert.equal((await stat(path)).size, pageBytes)
  assert.equal(await isWhole(path), true)
  const wal = await readFile(`${path}-wal`)
  // A checkpoint that was cut short: the file counts pages that only the log has.
  const bytes = await readFile(path)
  bytes.writeUInt32BE(20, 28)
  await writeFile(path, bytes)
  assert.equal(await isWhole(path), true)
  await rm(`${path}-wal`)
  assert.equal(await isWhole(path), false)
  await writeFile(`${path}-wal`, wal)
  await truncate(path, 0)
  assert.equal(await isWhole(path), false)
})
