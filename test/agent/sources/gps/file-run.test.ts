import assert from 'node:assert/strict'
import { appendFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gps } from '../../../../agent/sources/gps/gps.ts'
import { encodeCbor } from '../../../../shared/wire/cbor.ts'
import { sourceContract } from '../../../contract/source.ts'
import { gga, rmc } from '../../../support/nmea-sentences.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const noon = Date.UTC(2024, 5, 1, 12)

async function setup(t: TestContext, bench: { readonly once?: boolean } = {}) {
  const path = join(await tempDir(t), 'track.nmea')
  await writeFile(path, '')
  return { path, bench: new SourceBench(t, gps, bench), options: { gps: `file:${path}` } }
}

function epoch(second: number): string {
  const spot = { time: noon + second * 1000, north: second / 1000 }
  return gga(spot) + rmc(spot)
}

sourceContract('gps of a file', async (t) => {
  const { path, bench, options } = await setup(t)
  let number = 0
  const start = bench.clock.wallMs()
  return {
    bench,
    options,
    rewindable: true,
    produce: async (count) => {
      // Whole seconds of the past, all different.
      const lines = Array.from({ length: count }, () =>
        rmc({ time: start - 50_000 + 1000 * number, north: ++number / 1000 })
      )
      await appendFile(path, lines.join(''))
    }
  }
})

test('with --once a file is read to its end, its last epoch too, at the times it tells', async (t) => {
  const { path, bench, options } = await setup(t, { once: true })
  await writeFile(path, [0, 1, 2].map(epoch).join('').trimEnd())
  bench.start(options)
  assert.equal(await bench.done(), undefined)
  assert.deepEqual(
    bench.appender.records.map(({ time }) => time),
    [0, 1, 2].map((second) => noon + second * 1000)
  )
  bench.start(options)
  assert.equal(await bench.done(), undefined)
  assert.equal(bench.appender.texts.length, 3)
})

test('a file larger than one read has all of its fixes, in order', async (t) => {
  const { path, bench, options } = await setup(t, { once: true })
  const seconds = Array.from({ length: 2000 }, (_, second) => second)
  await writeFile(path, seconds.map(epoch).join(''))
  bench.start(options)
  await bench.until(() => !bench.running)
  assert.deepEqual(
    bench.appender.records.map(({ time }) => (time - noon) / 1000),
    seconds
  )
})

test('a file that grows within an epoch gives each epoch once', async (t) => {
  const { path, bench, options } = await setup(t)
  bench.start(options)
  const text = [0, 1, 2, 3].map(epoch).join('')
  for (let at = 0; at < text.length; at += 61) {
    await appendFile(path, text.slice(at, at + 61))
    await bench.pass(1000, 1000)
  }
  await bench.until(() => bench.appender.texts.length >= 4)
  await bench.pass(10_000)
  const times = bench.appender.records.map(({ time }) => time)
  assert.deepEqual(
    times,
    [0, 1, 2, 3].map((second) => noon + second * 1000)
  )
})

test('another file under the same path, and one that was emptied, are read from their start', async (t) => {
  const { path, bench, options } = await setup(t)
  bench.start(options)
  await appendFile(path, epoch(0) + epoch(1))
  await bench.until(() => bench.appender.texts.length === 2)
  await writeFile(`${path}.new`, epoch(2) + epoch(3) + epoch(4))
  await rename(`${path}.new`, path)
  await bench.until(() => bench.appender.texts.length === 5)
  await writeFile(path, epoch(5))
  await bench.until(() => bench.appender.texts.length === 6)
})

test('a file that is not there is waited for, and an error with --once', async (t) => {
  const directory = await tempDir(t)
  const path = join(directory, 'later.nmea')
  const bench = new SourceBench(t, gps)
  const source = bench.start({ gps: `file:${path}` })
  await bench.until(() => (source.stats().problems['unreadable_file'] ?? 0) > 1)
  await writeFile(path, epoch(0))
  await bench.until(() => bench.appender.texts.length === 1)
  await bench.stop()
  bench.start({ gps: `file:${directory}/none` }, { once: true })
  await bench.until(() => !bench.running)
  const error = await bench.done()
  assert.ok(error instanceof Error && /none cannot be read: ENOENT/.test(error.message))
})

test('a cursor that cannot be read begins the file anew, one of a newer program is refused', async (t) => {
  const { path, bench, options } = await setup(t, { once: true })
  await writeFile(path, epoch(0))
  const leave = (position: Buffer) => {
    const { stream, partitionKey } = bench.context()
    const none = { lens: new Uint32Array(0), times: new Float64Array(0), data: Buffer.alloc(0) }
    const records = { keys: [partitionKey], ...none }
    return bench.appender.append({ stream, records, cursors: [{ source: 'in', position }] })
  }
  await leave(Buffer.from('nonsense'))
  const source = bench.start(options)
  await bench.until(() => !bench.running)
  assert.equal(bench.appender.texts.length, 1)
  assert.equal(source.stats().problems['unreadable_cursor'], 1)
  await leave(encodeCbor({ v: 2 }))
  bench.start(options)
  await bench.until(() => !bench.running)
  assert.match(String(await bench.done()), /version 2/)
})
