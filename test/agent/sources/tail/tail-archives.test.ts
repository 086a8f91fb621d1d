import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import {
  appendFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile
} from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { tail } from '../../../../agent/sources/tail/tail.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const run = promisify(execFile)

/** A log of ever new lines and a source that follows it. */
async function setup(t: TestContext, changes: object = {}) {
  const directory = await tempDir(t)
  const path = join(directory, 'app.log')
  const bench = new SourceBench(t, tail)
  const written: string[] = []
  const texts = () => bench.appender.texts
  const write = async (count: number) => {
    const lines = Array.from({ length: count }, (_, i) => `line ${written.length + i}`.padEnd(99))
    await appendFile(path, `${lines.join('\n')}\n`)
    written.push(...lines)
    // Times of files are compared, and the clock of a file system goes in steps.
    await new Promise((done) => setTimeout(done, 15))
  }
  const start = (more: object = {}) =>
    bench.start({ tail: path, from: 'start', ...changes, ...more })
  /** Reads all there is, and stops. */
  const catchUp = async () => {
    start()
    await bench.until(() => texts().length >= written.length)
    await bench.stop()
  }
  /** The source has read `lines` of what there is, and ends. */
  const readSome = async () => {
    const before = texts().length
    bench.appender.automatic = false
    start()
    await bench.until(() => bench.appender.chunks.some(({ records }) => records.lens.length > 0))
    await bench.pass(500)
    bench.appender.commit()
    await bench.crash()
    bench.appender.automatic = true
    assert.ok(texts().length > before && texts().length < written.length)
  }
  const allInOrder = async () => {
    await bench.until(() => texts().length >= written.length)
    await bench.pass(5000)
    assert.equal(texts().length, written.length)
    const wrong = texts().findIndex((text, i) => text !== written[i])
    assert.equal(texts()[wrong], written[wrong], `at line ${wrong}`)
  }
  /** As logrotate and gzip do: a new file with the time of the old one. */
  const compress = async (name: string, to = `${name}.gz`) => {
    const { atime, mtime } = await stat(join(directory, name))
    await writeFile(join(directory, to), gzipSync(await readFile(join(directory, name))))
    await utimes(join(directory, to), atime, mtime)
    await rm(join(directory, name))
  }
  return {
    directory,
    path,
    bench,
    written,
    texts,
    write,
    start,
    catchUp,
    readSome,
    allInOrder,
    compress
  }
}

test('the rest of a file that was compressed while the agent was down is read, before what came later', async (t) => {
  const { path, bench, write, readSome, start, allInOrder, compress } = await setup(t)
  await write(15_000)
  await readSome()
  await rename(path, `${path}.1`)
  await compress('app.log.1')
  await write(10)
  start()
  await allInOrder()
  assert.equal(bench.source?.stats().problems['unreadable_file'], undefined)
})

test('an archive that cannot be opened when it is found is not read again when it can', async (t) => {
  const { path, bench, texts, write, catchUp, start, allInOrder, compress } = await setup(t)
  await write(5)
  await catchUp()
  await rename(path, `${path}.1`)
  await compress('app.log.1')
  const archive = `${path}.1.gz`
  const [packed, { atime, mtime }] = [await readFile(archive), await stat(archive)]
  const replace = async (content: Buffer) => {
    await writeFile(archive, content)
    await utimes(archive, atime, mtime)
  }
  await replace(Buffer.from('not packed'))
  await write(5)
  start()
  await bench.until(() => texts().length >= 10)
  await replace(packed)
  await allInOrder()
})

test('archives: false leaves archives alone', async (t) => {
  const { path, bench, texts, write, catchUp, start, compress } = await setup(t, {
    archives: false
  })
  await write(5)
  await catchUp()
  await write(5)
  await rename(path, `${path}.1`)
  await compress('app.log.1')
  await write(5)
  start()
  await bench.until(() => texts().length >= 10)
  await bench.pass(5000)
  assert.equal(texts().length, 10)
})

test('the cursor of an archive is committed with its lines: whenever the process dies, all come once', async (t) => {
  const { path, bench, texts, write, catchUp, start, allInOrder, compress } = await setup(t)
  await write(5)
  await catchUp()
  await write(15_000)
  await rename(path, `${path}.1`)
  await compress('app.log.1')
  await write(10)
  for (const name of ['app.log.2.gz', 'app.log.3.gz', 'app.log.4.gz']) {
    bench.appender.automatic = false
    start()
    await bench.pass(600)
    bench.appender.commit()
    await bench.pass(300)
    await bench.crash()
    const from = `${path}.${Number(name[8]) - 1}.gz`
    await rename(from, join(path, '..', name))
  }
  assert.ok(texts().length > 5)
  bench.appender.automatic = true
  start()
  await allInOrder()
})

test('archives that come after one that is known already are read at the next start', async (t) => {
  const { path, bench, write, catchUp, start, allInOrder, compress } = await setup(t)
  await write(5)
  await catchUp()
  await rename(path, `${path}.1`)
  await compress('app.log.1')
  await write(5)
  bench.appender.automatic = false
  start()
  await bench.pass(100)
  // The archive is known, and nothing is read of what came after it.
  bench.appender.commit()
  await bench.crash()
  bench.appender.automatic = true
  await rename(`${path}.1.gz`, `${path}.2.gz`)
  await rename(path, `${path}.1`)
  await compress('app.log.1')
  await write(5)
  start()
  await allInOrder()
})

test('archives from before the file that was read last are not read, nor twice what was', async (t) => {
  const { directory, path, bench, texts, write, catchUp, start, allInOrder, compress } =
    await setup(t)
  await writeFile(join(directory, 'app.log.7'), 'from before\n')
  await compress('app.log.7')
  await write(5)
  await catchUp()
  await rename(path, `${path}.1`)
  await compress('app.log.1')
  await write(5)
  start()
  await allInOrder()
  await bench.stop()
  for (let i = 0; i < 3; i++) {
    start()
    await bench.pass(5000)
    await bench.stop()
  }
  assert.equal(texts().length, 10)
})

test('an archive of several members is read to its end, a damaged one as far as it goes', async (t) => {
  const { directory, path, bench, texts, written, write, catchUp, start, compress } = await setup(t)
  await write(5)
  await catchUp()
  await write(20)
  const text = await readFile(path)
  const half = text.length / 2
  await rename(path, `${path}.1`)
  await compress('app.log.1')
  const archive = join(directory, 'app.log.1.gz')
  const { mtime } = await stat(archive)
  const members = [gzipSync(text.subarray(0, half)), gzipSync(text.subarray(half))]
  await writeFile(archive, members[0] ?? '')
  await appendFile(archive, (members[1] ?? Buffer.alloc(0)).subarray(0, -8))
  await utimes(archive, mtime, mtime)
  await write(5)
  start()
  await bench.until(() => texts().length >= written.length)
  await bench.pass(5000)
  assert.deepEqual(texts(), written)
})

test('what is no archive holds up nothing', async (t) => {
  const { path, bench, texts, write, catchUp, start } = await setup(t)
  await write(5)
  await catchUp()
  await write(5)
  await rename(path, `${path}.1.gz`)
  await rm(`${path}.1.gz`)
  await writeFile(`${path}.1.gz`, 'no archive\n')
  await write(5)
  const source = start()
  await bench.until(() => texts().length >= 10)
  await bench.pass(5000)
  assert.equal(texts().length, 10)
  assert.equal(source.stats().problems['unreadable_file'], 1)
})

const logrotate = ['/usr/sbin/logrotate', '/usr/bin/logrotate'].find(
  (path) => spawnSync(path, ['--version']).status === 0
)

const modes: Readonly<Record<string, string>> = {
  'rename, compress': 'compress\ncreate',
  'rename, delaycompress': 'compress\ndelaycompress\ncreate',
  'copytruncate, compress': 'compress\ncopytruncate',
  'copytruncate, delaycompress': 'compress\ndelaycompress\ncopytruncate',
  'rename, compress, dateext': 'compress\ncreate\ndateext\ndateformat -%Y%m%d-%s'
}

for (const [mode, lines] of Object.entries(modes)) {
  for (const rotations of [1, 2, 3]) {
    test(`logrotate, ${mode}: ${rotations} rotations while the agent is down lose and repeat nothing`, {
      skip: logrotate === undefined && 'logrotate is not installed'
    }, async (t) => {
      const { directory, path, bench, texts, write, catchUp, start, allInOrder } = await setup(t)
      const config = join(directory, 'rotate.conf')
      await writeFile(config, `${path} {\nrotate 9\n${lines}\n}\n`, { mode: 0o644 })
      const rotate = async () => {
        if (lines.includes('%s')) await new Promise((done) => setTimeout(done, 1100))
        await run(logrotate ?? '', ['-f', '-s', join(directory, 'state'), config])
      }
      await write(3)
      await rotate()
      await write(30)
      start()
      // What was rotated before the source ran first is not asked for.
      await bench.until(() => texts().length >= 30)
      await bench.stop()
      bench.appender.records.unshift(
        ...Array.from({ length: 3 }, (_, i) => ({
          stream: 'telemetry',
          partitionKey: 'device-1',
          time: 0,
          text: `line ${i}`.padEnd(99)
        }))
      )
      await write(40)
      for (let i = 0; i < rotations; i++) {
        await rotate()
        await write(7)
      }
      start()
      await allInOrder()
      await bench.stop()
      await catchUp()
      await write(5)
      await rotate()
      await write(5)
      start()
      await allInOrder()
      assert.ok((await readdir(directory)).some((name) => name.endsWith('.gz')))
    })
  }
}
