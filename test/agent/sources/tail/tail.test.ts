import assert from 'node:assert/strict'
import {
  appendFile,
  copyFile,
  mkdir,
  rename,
  rm,
  symlink,
  truncate,
  unlink,
  writeFile
} from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { noRecords } from '../../../../agent/sources/lines/cut-columns.ts'
import { tail } from '../../../../agent/sources/tail/tail.ts'
import { encodeCbor } from '../../../../shared/wire/cbor.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

async function setup(t: TestContext, once = false) {
  const directory = await tempDir(t)
  const bench = new SourceBench(t, tail, { once })
  const path = join(directory, 'app.log')
  const texts = () => bench.appender.texts
  const has = (...lines: string[]) => bench.until(() => texts().length >= lines.length)
  return { directory, bench, path, texts, has }
}

test('a file that appears after the first run is read from its start', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path })
  await bench.pass(200)
  await writeFile(path, 'a\nb\n')
  await has('a', 'b')
  assert.deepEqual(texts(), ['a', 'b'])
})

test('a file that is there at the very first run is read from behind its last newline', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  await writeFile(path, 'old\npart')
  bench.start({ tail: path })
  await bench.pass(500)
  await appendFile(path, 'ial\nnew\n')
  await has('partial', 'new')
  await bench.stop()
  await appendFile(path, 'later\n')
  bench.start({ tail: path })
  await has('partial', 'new', 'later')
  assert.deepEqual(texts(), ['partial', 'new', 'later'])
})

test('the very first run is remembered when there was no file and nothing was read', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path })
  await bench.until(() => bench.appender.cursors('in').size > 0)
  await bench.stop()
  await writeFile(path, 'written while nobody looked\n')
  bench.start({ tail: path })
  await has('written while nobody looked')
  assert.deepEqual(texts(), ['written while nobody looked'])
})

test('from: start reads what is there, from: end skips it at every start', async (t) => {
  const { bench, path, directory, texts, has } = await setup(t)
  await writeFile(path, 'a\n')
  bench.start({ tail: path, from: 'start' })
  await has('a')
  await bench.stop()
  await writeFile(join(directory, 'second.log'), 'old\n')
  bench.start({ tail: join(directory, '*.log'), from: 'end' })
  await bench.pass(300)
  await appendFile(path, 'b\n')
  await appendFile(join(directory, 'second.log'), 'c\n')
  await has('a', 'b', 'c')
  assert.deepEqual([...texts()].sort(), ['a', 'b', 'c'])
})

test('from: end does not skip what came in the place of a file that was read before', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path, from: 'end' })
  await bench.pass(200)
  await writeFile(path, 'a\n')
  await has('a')
  await bench.stop()
  await rename(path, `${path}.1`)
  await writeFile(path, 'b\n')
  bench.start({ tail: path, from: 'end' })
  await has('a', 'b')
  assert.deepEqual(texts(), ['a', 'b'])
})

test('once: all is read to its end, the unfinished last line too, and the run resolves', async (t) => {
  const { bench, path, directory, texts } = await setup(t, true)
  await writeFile(path, 'a\nb')
  await writeFile(join(directory, 'b.log'), 'c\n')
  bench.start({ tail: join(directory, '*.log') })
  assert.equal(await bench.done(), undefined)
  assert.deepEqual([...texts()].sort(), ['a', 'b', 'c'])
})

test('an unfinished line waits for its newline', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path, from: 'start' })
  await writeFile(path, 'a\nb')
  await has('a')
  await bench.pass(5000)
  assert.deepEqual(texts(), ['a'])
  await appendFile(path, 'c\n')
  await has('a', 'bc')
  assert.deepEqual(texts(), ['a', 'bc'])
})

test('the last line of a file that was moved aside is sent without its newline after a minute', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path, from: 'start' })
  await writeFile(path, 'a\nb')
  await has('a')
  await rename(path, `${path}.1`)
  await writeFile(path, 'c\n')
  await has('a', 'c')
  await bench.pass(50_000, 1000)
  assert.deepEqual(texts(), ['a', 'c'])
  await bench.pass(15_000, 1000)
  assert.deepEqual(texts(), ['a', 'c', 'b'])
})

test('a line over maxLine is cut, marked and counted, and the next lines follow', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  const source = bench.start({ tail: path, from: 'start', maxLine: '1 KiB' })
  await writeFile(path, `${'x'.repeat(700_000)}\n\nnext\n`)
  await has('x', 'next')
  assert.deepEqual(
    texts().map((text) => text.length),
    [1024, 4]
  )
  assert.deepEqual(bench.appender.records[0]?.attributes, { truncated: 'true' })
  assert.equal(bench.appender.records[1]?.attributes, undefined)
  assert.deepEqual(source.stats().problems, { cut_line: 1, empty_line: 1 })
})

test('a line that is longer than a chunk but within maxLine is whole', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path, from: 'start' })
  const line = 'y'.repeat(900_000)
  await writeFile(path, `a\n${line}\nb\n`)
  await has('a', line, 'b')
  assert.deepEqual(texts(), ['a', line, 'b'])
})

test('a multiline record is complete at the next start, or when the file is quiet for maxWait', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path, from: 'start', multiline: { start: '^\\d', maxWait: '3s' } })
  await writeFile(path, '1 error\n  at a\n2 error\n  at b\n')
  await has('1')
  await bench.pass(2000)
  assert.deepEqual(texts(), ['1 error\n  at a'])
  await bench.pass(2000)
  assert.deepEqual(texts(), ['1 error\n  at a', '2 error\n  at b'])
})

test('what cannot be read is reported once, and read when it can be', async (t) => {
  const { bench, directory, path, texts, has } = await setup(t)
  await mkdir(join(directory, 'directory.log'))
  // A root user may read anything, but nobody can open a socket or follow a link to itself.
  await symlink(path, path)
  const source = bench.start({ tail: join(directory, '*.log') })
  await bench.pass(20_000, 500)
  assert.deepEqual(source.stats().problems, { unreadable_file: 1 })
  await unlink(path)
  await writeFile(path, 'a\n')
  await has('a')
  assert.deepEqual(texts(), ['a'])
})

test('a file that is deleted while it is open is drained, and its cursor goes', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path, from: 'start' })
  await writeFile(path, 'a\n')
  await has('a')
  bench.appender.automatic = false
  await appendFile(path, 'b\nc')
  await rm(path)
  bench.appender.automatic = true
  await has('a', 'b')
  await bench.pass(70_000, 1000)
  assert.deepEqual(texts(), ['a', 'b', 'c'])
  assert.deepEqual([...bench.appender.cursors('in').keys()], ['in'])
})

test('more files than may be open at once are all read, in turns', async (t) => {
  const { bench, directory, texts } = await setup(t)
  for (let i = 0; i < 150; i++) await writeFile(join(directory, `${i}.log`), `a ${i}\n`)
  bench.start({ tail: join(directory, '*.log'), from: 'start' })
  await bench.until(() => texts().length === 150)
  for (let i = 0; i < 150; i++) await appendFile(join(directory, `${i}.log`), `b ${i}\n`)
  await bench.until(() => texts().length === 300, 500)
  assert.equal(new Set(texts()).size, 300)
})

test('a large file does not hold up a small one', async (t) => {
  const { bench, directory, texts } = await setup(t)
  await writeFile(join(directory, 'a.log'), `${'x'.repeat(99)}\n`.repeat(30_000))
  await writeFile(join(directory, 'b.log'), 'small\n')
  bench.start({ tail: join(directory, '*.log'), from: 'start' })
  await bench.until(() => texts().length === 30_001)
  assert.ok(texts().indexOf('small') < 10_000)
})

test('files beyond maxFiles are left out, reported and counted', async (t) => {
  const { bench, directory, texts, has } = await setup(t)
  for (const name of ['a', 'b', 'c']) await writeFile(join(directory, `${name}.log`), `${name}\n`)
  const options = { tail: [join(directory, 'a.log'), join(directory, '[bc].log')] }
  const source = bench.start({ ...options, from: 'start', maxFiles: 2 })
  await has('a', 'b')
  await bench.pass(10_000, 500)
  assert.equal(texts().length, 2)
  assert.deepEqual(source.stats().problems, { too_many_files: 1 })
})

test('at most about a mebibyte is under way, and behindBytes says what is not read', async (t) => {
  const { bench, path } = await setup(t)
  bench.appender.automatic = false
  await writeFile(path, `${'x'.repeat(99)}\n`.repeat(50_000))
  const source = bench.start({ tail: path, from: 'start' })
  await bench.pass(3000)
  const underWay = bench.appender.chunks.reduce((sum, { records }) => sum + records.data.length, 0)
  assert.ok(underWay > 900_000 && underWay < 1_400_000, `${underWay}`)
  assert.ok((source.stats().behindBytes ?? 0) > 3_000_000)
})

test('each chunk fits one frame', async (t) => {
  const { bench, path, texts } = await setup(t)
  await writeFile(path, `${'x'.repeat(99)}\n`.repeat(9000) + 'y\n'.repeat(60_000))
  bench.start({ tail: path, from: 'start' })
  await bench.until(() => texts().length === 69_000)
  for (const { records } of bench.appender.chunks) {
    assert.ok(records.data.length <= 256 * 1024 && records.lens.length <= 32_768)
  }
})

test('a file that is replaced by a longer copy of itself is read on where it was', async (t) => {
  const { bench, path, texts } = await setup(t)
  bench.start({ tail: path, from: 'start' })
  const text = Array.from({ length: 100 }, (_, i) => `line ${i} ${'x'.repeat(20)}\n`).join('')
  await writeFile(path, text)
  await bench.until(() => texts().length === 100)
  await writeFile(`${path}.new`, `${text}more\n`)
  await rename(`${path}.new`, path)
  await bench.until(() => texts().length === 101)
  await bench.pass(5000)
  assert.equal(texts().length, 101)
  assert.equal(texts().at(-1), 'more')
  assert.equal(bench.appender.cursors('in').size, 2)
})

test('a copy that is matched too is not read again, and lines that only it has are', async (t) => {
  const { bench, directory, path, texts } = await setup(t)
  const glob = join(directory, 'app.log*')
  bench.start({ tail: glob, from: 'start' })
  await writeFile(path, 'a\nb\n')
  await bench.until(() => texts().length === 2)
  await bench.stop()
  await appendFile(path, 'c\n')
  await copyFile(path, `${path}.1`)
  await truncate(path)
  await appendFile(path, 'd\n')
  bench.start({ tail: glob, from: 'start' })
  await bench.until(() => texts().length === 4)
  await bench.pass(5000)
  assert.deepEqual([...texts()].sort(), ['a', 'b', 'c', 'd'])
})

test('a file that comes back shorter than it was read is read on at its new end', async (t) => {
  const { bench, path, texts } = await setup(t)
  const lines = Array.from({ length: 200 }, (_, i) => `line ${i} ${'x'.repeat(i % 50)}`)
  await writeFile(path, `${lines.join('\n')}\n`)
  const source = bench.start({ tail: path, from: 'start' })
  await bench.until(() => texts().length === 200)
  await bench.stop()
  await truncate(path, Buffer.byteLength(`${lines.slice(0, 190).join('\n')}\ntorn`) - 2)
  const again = bench.start({ tail: path, from: 'start' })
  await bench.pass(1000)
  await appendFile(path, ' and after\nnew\n')
  await bench.until(() => texts().length === 202)
  assert.deepEqual(texts().slice(200), ['li and after', 'new'])
  assert.deepEqual(source.stats().problems, {})
  assert.deepEqual(again.stats().problems, { rewound_file: 1 })
})

test('a file that lost megabytes is read on at a mark before the loss, not from its start', async (t) => {
  const { bench, path, texts } = await setup(t)
  const lines = Array.from({ length: 60_000 }, (_, i) => `line ${i} ${'x'.repeat(60)}`)
  const text = `${lines.join('\n')}\n`
  await writeFile(path, text)
  bench.start({ tail: path, from: 'start' })
  await bench.until(() => texts().length === 60_000)
  await bench.stop()
  await truncate(path, text.length - 2_000_000)
  await appendFile(path, '\nnew\n')
  bench.start({ tail: path, from: 'start' })
  await bench.until(() => texts().at(-1) === 'new')
  const repeated = texts().length - 60_000
  assert.ok(repeated < 10_000, `${repeated} lines were repeated`)
})

test('a truncated file is read from its start although it begins with the same line', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  bench.start({ tail: path, from: 'start' })
  await writeFile(path, 'hello\na long line of the first life\n')
  await has('1', '2')
  await truncate(path)
  await appendFile(path, 'hello\nsecond life\n')
  await has('1', '2', '3', '4')
  assert.deepEqual(texts().slice(2), ['hello', 'second life'])
})

test('a cursor of a later version is refused, a broken one costs repeats and no line', async (t) => {
  const { bench, path, texts, has } = await setup(t)
  await writeFile(path, 'a\n')
  bench.start({ tail: path, from: 'start' })
  await has('a')
  await bench.stop()
  const key = [...bench.appender.cursors('in').keys()].find((name) => name.includes(':')) ?? ''
  const set = (position: Buffer) =>
    bench.appender.append({
      stream: 's',
      records: noRecords('k'),
      cursors: [{ source: key, position }]
    })
  await set(Buffer.from('nonsense'))
  const source = bench.start({ tail: path, from: 'start' })
  await has('a', 'a')
  assert.equal(source.stats().problems['bad_cursor'], 1)
  await bench.stop()
  await set(encodeCbor({ v: 2 }))
  bench.start({ tail: path, from: 'start' })
  const error = await bench.done()
  assert.equal((error as { code?: string }).code, 'store_too_new')
  assert.deepEqual(texts(), ['a', 'a'])
})
