import assert from 'node:assert/strict'
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { CarriedFrames } from '../../../agent/carry/carried-frames.ts'
import { readExport } from '../../../agent/carry/read-export.ts'
import { scanFile } from '../../../agent/carry/scan-file.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { damage, exportTo, flipped, framesIn } from './exports.ts'

const small = { maxFileBytes: 300 }

test('an export is cut into files below the size that was asked for', async (t) => {
  const frames = framesIn('a', 20)
  const { paths } = await exportTo(await tempDir(t), frames, { maxFileBytes: 1000 })
  assert.ok(paths.length > 3)
  for (const path of paths) assert.ok((await readFile(path)).length <= 1200)
})

test('behind a hole nothing is sent while the device still has what is missing', async (t) => {
  const { paths } = await exportTo(
    await tempDir(t),
    [...framesIn('a', 5), ...framesIn('b', 3)],
    small
  )
  await damage(paths[2] as string, flipped(60))
  const { frames, problems, withheld } = await readExport(paths)
  const firsts = (stream: string) =>
    frames.filter(({ header }) => header.stream === stream).map(({ header }) => header.first)
  assert.deepEqual(firsts('a'), [1, 3])
  assert.deepEqual(firsts('b'), [1, 3, 5])
  assert.equal(withheld, 2)
  assert.match(problems[0] ?? '', /damaged from byte/)
  assert.match(
    problems[1] ?? '',
    /1 frame\(s\) of stream a missing and the 2 after them are not sent/
  )
})

test('what a device has let go of is sent around a hole, and the hole is told', async (t) => {
  const { paths } = await exportTo(await tempDir(t), framesIn('a', 5), {
    ...small,
    carry: { releases: true }
  })
  await rm(paths[2] as string)
  const { frames, problems } = await readExport(paths.filter((_, i) => i !== 2))
  assert.deepEqual(
    frames.map(({ header }) => header.first),
    [1, 3, 7, 9]
  )
  assert.match(problems.join(), /1 frame\(s\) of stream a missing, and left out/)
})

test('two copies of an export that are damaged in different places make a whole one', async (t) => {
  const directory = await tempDir(t)
  const { paths } = await exportTo(directory, framesIn('a', 5))
  const [path = ''] = paths
  const copy = join(directory, 'copy.hwx')
  await copyFile(path, copy)
  await damage(path, flipped(80))
  await damage(copy, (bytes) => bytes.subarray(0, bytes.length - 300))
  const { frames, problems } = await readExport([path, copy])
  assert.deepEqual(
    frames.map(({ header }) => header.first),
    [1, 3, 5, 7, 9]
  )
  assert.ok(
    problems.every((one) => !one.includes('missing')),
    problems.join('\n')
  )
})

test('frames that are in two exports are sent once, in the order of the older one', async (t) => {
  const directory = await tempDir(t)
  const all = framesIn('a', 6)
  const older = await exportTo(directory, all.slice(0, 4), { name: 'one' })
  const later = { id: 'ffeeddccbbaa99887766554433221100', madeMs: 1_700_000_100_000 }
  const newer = await exportTo(directory, all, { name: 'two', carry: later })
  const { frames, problems } = await readExport([...newer.paths, ...older.paths])
  assert.deepEqual(
    frames.map(({ header }) => header.first),
    [1, 3, 5, 7, 9, 11]
  )
  assert.deepEqual(problems, [])
})

test('the numbers of a life rise also where the clock went back between two exports', async (t) => {
  const directory = await tempDir(t)
  const all = framesIn('a', 6)
  const first = await exportTo(directory, all.slice(0, 4), { name: 'one' })
  const second = await exportTo(directory, all.slice(2), {
    name: 'two',
    carry: { id: 'ffeeddccbbaa99887766554433221100', madeMs: 0 }
  })
  const { frames, problems } = await readExport([...first.paths, ...second.paths])
  assert.deepEqual(
    frames.map(({ header }) => header.first),
    [1, 3, 5, 7, 9, 11]
  )
  assert.deepEqual(problems, [])
})

test('a file that is cut off behind a frame is told by name, also where no frame is lost', async (t) => {
  const { paths } = await exportTo(await tempDir(t), framesIn('a', 5), small)
  const path = paths[1] as string
  const places: number[] = []
  for await (const found of scanFile(path)) if ('entry' in found) places.push(found.at)
  await damage(path, (bytes) => bytes.subarray(0, places.at(-1)))
  const { frames, problems } = await readExport(paths)
  assert.equal(frames.length, 5)
  assert.deepEqual(problems, [`${path}: ends without its last entry; what it holds is whole`])
})

test('a file that is no export is told by name', async (t) => {
  const path = join(await tempDir(t), 'notes.txt')
  await writeFile(path, 'eggs, milk\n')
  const { frames, problems } = await readExport([path])
  assert.deepEqual(frames, [])
  assert.match(problems.join(), /notes\.txt: holds nothing that can be used/)
})

test('a file of a newer version is refused with what to do', async (t) => {
  const { paths } = await exportTo(await tempDir(t), framesIn('a', 1))
  await damage(paths[0] as string, (bytes) => {
    bytes.write('9', 'headwater-export '.length)
    return bytes
  })
  await assert.rejects(readExport(paths), { code: 'store_too_new', message: /run a newer one/ })
})

test('a telemetry record that is itself an export is not taken for part of a damaged one', async (t) => {
  const directory = await tempDir(t)
  const inner = await exportTo(directory, framesIn('inner', 1), {
    name: 'inner',
    carry: { id: 'ffeeddccbbaa99887766554433221100' }
  })
  const [frame, ...rest] = framesIn('a', 3)
  assert.ok(frame)
  const { frameCrc } = await import('../../../shared/wire/batch.ts')
  const body = await readFile(inner.paths[0] as string)
  const { paths } = await exportTo(directory, [{ ...frame, body, crc: frameCrc(body) }, ...rest])
  await damage(paths[0] as string, flipped(45))
  const { frames } = await readExport(paths)
  assert.deepEqual(frames, [])
})

test('no frame is released by the store before its turn counts, and floors rise with it', async (t) => {
  const { paths } = await exportTo(await tempDir(t), framesIn('a', 3))
  const store = new CarriedFrames((await readExport(paths)).frames)
  const [one, two, three] = await store.read('a', undefined, Number.POSITIVE_INFINITY)
  assert.ok(one && two && three)
  const { epoch } = one.header
  await store.release(two.id)
  assert.equal(store.floor('a', epoch), 1)
  await store.release(one.id)
  assert.equal(store.floor('a', epoch), 5)
  assert.equal(store.currentHeader(three).floor, 5)
  assert.deepEqual(
    (await store.read('a', undefined, 1)).map(({ id }) => id),
    [three.id]
  )
  await store.release(three.id)
  await store.release(one.id)
  assert.deepEqual(store.streams(), [])
  assert.equal(store.settledRecords, 6)
})

test('an export that says it releases and has no end may have released nothing', async (t) => {
  const { paths } = await exportTo(await tempDir(t), framesIn('a', 5), {
    ...small,
    carry: { releases: true }
  })
  const found = paths.filter((_, i) => i !== 2 && i !== paths.length - 1)
  const { frames, withheld, problems } = await readExport(found)
  assert.deepEqual(
    frames.map(({ header }) => header.first),
    [1, 3]
  )
  assert.ok(withheld > 0)
  assert.match(problems.join(), /not known whether the device let go of them/)
  assert.doesNotMatch(problems.join(), /the device still has them/)
  const forced = await readExport(found, { skipMissing: true })
  assert.deepEqual(
    forced.frames.map(({ header }) => header.first),
    [1, 3, 7]
  )
})
