import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openSerial } from '../../../../agent/sources/serial/open-serial.ts'
import { serial } from '../../../../agent/sources/serial/serial.ts'
import { sourceContract } from '../../../contract/source.ts'
import { hasProgram, PtyPair } from '../../../support/pty-pair.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const skip = hasProgram('socat') && hasProgram('stty') ? false : 'needs socat and stty'

async function setup(t: TestContext) {
  const pair = await PtyPair.create(t)
  return { pair, bench: new SourceBench(t, serial), options: { serial: pair.path } }
}

/** Terminals that this process holds open. */
function openTerminals(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return links.filter((link) => link.startsWith('/dev/pts/')).length
}

if (skip) test('serial: a device', { skip }, () => {})
else {
  sourceContract('serial', async (t) => {
    const { pair, bench, options } = await setup(t)
    let number = 0
    return {
      bench,
      options,
      rewindable: false,
      produce: async (count) => {
        for (let i = 0; i < count; i++) await pair.write(`line ${number++}\n`)
      }
    }
  })
}

test('lines in any pieces are records of the time they arrive, the first of them marked', {
  skip
}, async (t) => {
  const { pair, bench, options } = await setup(t)
  bench.start(options)
  await pair.write('21.5\r\n\n22')
  await bench.until(() => bench.appender.texts.length === 1)
  await pair.write('.0\n')
  await bench.until(() => bench.appender.texts.length === 2)
  assert.deepEqual(bench.appender.texts, ['21.5', '22.0'])
  assert.deepEqual(bench.appender.records[0]?.attributes, { first: 'true' })
  assert.equal(bench.appender.records[1]?.attributes, undefined)
  assert.ok(bench.appender.chunks.every(({ volatile }) => volatile))
})

test('a device that is unplugged is read again when it comes back, without its half line', {
  skip
}, async (t) => {
  const { pair, bench, options } = await setup(t)
  const source = bench.start(options)
  await pair.write('a\nhalf')
  await bench.until(() => bench.appender.texts.length === 1)
  await pair.unplug()
  await bench.until(() => (source.stats().problems['cannot_open'] ?? 0) >= 2)
  await pair.plug()
  await bench.pass(5000, 5000)
  await pair.write('b\n')
  await bench.until(() => bench.appender.texts.length === 2)
  assert.deepEqual(bench.appender.texts, ['a', 'b'])
  const { half_line, connection_lost } = source.stats().problems
  assert.deepEqual({ half_line, connection_lost }, { half_line: 1, connection_lost: 1 })
  assert.deepEqual(bench.appender.records[1]?.attributes, { first: 'true' })
})

test('multiline: lines that belong together are one record, complete with the next or after maxWait', {
  skip
}, async (t) => {
  const { pair, bench, options } = await setup(t)
  bench.start({ ...options, multiline: { start: '^\\S', maxWait: '2s' } })
  await pair.write('a\n 1\nb\n 2\n')
  await bench.until(() => bench.appender.texts.length === 1, 0)
  await bench.pass(1900)
  assert.deepEqual(bench.appender.texts, ['a\n 1'])
  await bench.until(() => bench.appender.texts.length === 2)
  assert.equal(bench.appender.texts[1], 'b\n 2')
  assert.deepEqual(bench.appender.records[0]?.attributes, { first: 'true' })
})

test('multiline: of a record that waits when the device goes, the whole lines are stored', {
  skip
}, async (t) => {
  const { pair, bench, options } = await setup(t)
  const source = bench.start({ ...options, multiline: { start: '^\\S', maxWait: '1h' } })
  await pair.write('a\n 1\nb\n 2\n ha')
  await bench.until(() => bench.appender.texts.length === 1, 0)
  await pair.unplug()
  await bench.until(() => bench.appender.texts.length === 2)
  assert.deepEqual(bench.appender.texts, ['a\n 1', 'b\n 2'])
  assert.equal(source.stats().problems['half_line'], 1)
})

test('a run leaves no terminal open', { skip }, async (t) => {
  const before = openTerminals()
  const { pair, bench, options } = await setup(t)
  for (let i = 1; i <= 3; i++) {
    bench.start(options)
    await pair.write(`${i}\n`)
    await bench.until(() => bench.appender.texts.length === i)
    await bench.stop()
  }
  await bench.until(() => openTerminals() === before)
})

test('a failed append is offered again in order, with what came since', { skip }, async (t) => {
  const { pair, bench, options } = await setup(t)
  const source = bench.start(options)
  for (let i = 0; i < 3; i++) bench.appender.failNext()
  await pair.write('a\n')
  await bench.until(() => source.stats().problems['append_retry'] === 1, 0)
  await pair.write('b\n')
  await pair.write('c\n')
  await bench.until(() => bench.appender.texts.length === 3)
  assert.deepEqual(bench.appender.texts, ['a', 'b', 'c'])
  assert.equal(source.stats().behindBytes, 0)
})

test('what is no serial device, or is not there, is said by name', { skip }, async (t) => {
  const path = join(await tempDir(t), 'file')
  const { signal } = new AbortController()
  await assert.rejects(openSerial({ path, baud: 9600 }, signal), {
    code: 'unavailable',
    message: new RegExp(`${path}: .*No such file`)
  })
  await writeFile(path, '')
  await assert.rejects(openSerial({ path, baud: 9600 }, signal), {
    message: `${path}: this is not a serial device`
  })
})

test('with --once there is nothing to read', async (t) => {
  const bench = new SourceBench(t, serial, { once: true })
  bench.start({ serial: '/dev/ttyUSB99' })
  assert.equal(await bench.done(), undefined)
})
