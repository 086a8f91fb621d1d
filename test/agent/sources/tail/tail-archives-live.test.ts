import assert from 'node:assert/strict'
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { tail } from '../../../../agent/sources/tail/tail.ts'
import { RotatedLog } from '../../../support/rotated-log.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

/** A log of which a few lines were read, and the source that follows it. */
async function setup(t: TestContext, more: readonly string[] = []) {
  const directory = await tempDir(t)
  const log = new RotatedLog(directory)
  const bench = new SourceBench(t, tail)
  const { appender } = bench
  const patterns = [log.path, ...more.map((name) => join(directory, name))]
  const start = () => bench.start({ tail: patterns, from: 'start' })
  const catchUp = () => bench.until(() => appender.texts.length >= log.written.length)
  const allOnce = async () => {
    await catchUp()
    await bench.pass(70_000, 1000)
    assert.deepEqual(appender.texts, log.written)
  }
  await log.write(5)
  start()
  await catchUp()
  return { directory, log, bench, appender, start, catchUp, allOnce }
}

test('what was rotated and compressed several times between two scans is read, in order', async (t) => {
  const { log, allOnce } = await setup(t)
  for (let i = 0; i < 4; i++) {
    await log.write(5)
    await log.rotate()
  }
  await log.write(5)
  await allOnce()
})

test('a file that is still open is read to its end and not in its archive, then what was compressed after it', async (t) => {
  const { log, bench, appender, allOnce } = await setup(t)
  appender.automatic = false
  await log.write(30_000)
  await bench.pass(1000)
  for (let i = 0; i < 2; i++) {
    await log.rotate()
    await log.write(5)
  }
  await bench.pass(3000)
  appender.automatic = true
  appender.commit()
  await allOnce()
})

test('an archive that is being made is left alone, and not read when it is done', async (t) => {
  const { log, bench, start, catchUp, allOnce } = await setup(t)
  await bench.stop()
  const aside = `${log.path}.1`
  await rm(log.path)
  await log.write(5)
  await rename(log.path, aside)
  const { atime, mtime } = await stat(aside)
  const bytes = gzipSync(await readFile(aside))
  await writeFile(`${aside}.gz`, bytes.subarray(0, -10))
  await log.write(5)
  start()
  await catchUp()
  await bench.pass(5000)
  await writeFile(`${aside}.gz`, bytes)
  await utimes(`${aside}.gz`, atime, mtime)
  await rm(aside)
  await allOnce()
  await bench.stop()
  start()
  await allOnce()
})

test('what is compressed while the agent is down is read, long after the file before it was deleted', async (t) => {
  const { log, bench, start, allOnce } = await setup(t)
  await log.rotate()
  await bench.pass(200_000, 1000)
  await bench.stop()
  await log.write(5)
  await log.rotate()
  await log.write(5)
  start()
  await allOnce()
})

test('what was rotated to a directory below, and compressed there, is read in order where a pattern names it', async (t) => {
  const { directory, log, bench, start, allOnce } = await setup(t, ['old/*'])
  const old = join(directory, 'old')
  await mkdir(old)
  await bench.stop()
  for (let i = 1; i <= 3; i++) {
    await log.write(5)
    await log.rotate()
    await rename(`${log.path}.1.gz`, join(old, `app.log.${9 - i}.gz`))
  }
  for (let i = 4; i <= 5; i++) {
    await log.write(5)
    await rename(log.path, join(old, `app.log.${9 - i}`))
  }
  await log.write(5)
  start()
  await allOnce()
})
