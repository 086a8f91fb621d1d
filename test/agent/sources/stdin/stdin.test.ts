import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { stdin } from '../../../../agent/sources/stdin/stdin.ts'
import { sourceContract } from '../../../contract/source.ts'
import { SourceBench } from '../../../support/source-bench.ts'

function setup(t: TestContext) {
  const input = new PassThrough()
  t.after(() => input.destroy())
  return { input, bench: new SourceBench(t, stdin, { stdin: input }) }
}

const options = { stdin: true }

const multiline = { start: '^line', maxWait: '100ms' }

for (const [name, more] of [
  ['stdin', {}],
  ['stdin with multiline', { multiline }]
] as const) {
  sourceContract(name, async (t) => {
    const { input, bench } = setup(t)
    let number = 0
    return {
      bench,
      options: { ...options, ...more },
      rewindable: false,
      produce: async (count) => {
        for (let i = 0; i < count; i++) input.write(`line ${number++}\n`)
      }
    }
  })
}

test('lines in any pieces are read to the end, the last without its newline, and the run resolves', async (t) => {
  const { input, bench } = setup(t)
  bench.start(options)
  for (const piece of ['a\r', '\n\nb', 'b\nlast']) {
    input.write(piece)
    await bench.clock.advance(1)
  }
  input.end()
  assert.equal(await bench.done(), undefined)
  assert.deepEqual(bench.appender.texts, ['a', 'bb', 'last'])
})

test('multiline: lines that belong together are one record, complete with the next, after maxWait or at the end', async (t) => {
  const { input, bench } = setup(t)
  bench.start({ ...options, multiline: { start: '^\\S', maxWait: '2s' } })
  input.write('a\n 1\n')
  await bench.clock.advance(1500)
  input.write(' 2\nb\n 3')
  await bench.until(() => bench.appender.texts.length === 1)
  assert.deepEqual(bench.appender.texts, ['a\n 1\n 2'])
  await bench.clock.advance(2100)
  assert.deepEqual(bench.appender.texts, ['a\n 1\n 2', 'b'])
  input.write('\nc\n 4\n')
  await bench.clock.advance(1)
  input.end()
  await bench.done()
  assert.deepEqual(bench.appender.texts, ['a\n 1\n 2', 'b', ' 3', 'c\n 4'])
  assert.equal(bench.clock.sleeping, 0)
})

test('an append that fails is tried again until it is taken, and order holds', async (t) => {
  const { input, bench } = setup(t)
  const source = bench.start(options)
  for (let i = 0; i < 3; i++) bench.appender.failNext()
  input.write('a\n')
  await bench.until(() => source.stats().problems['append_retry'] === 1, 0)
  input.write('b\n')
  await bench.until(() => bench.appender.texts.length === 2)
  assert.deepEqual(bench.appender.texts, ['a', 'b'])
  assert.equal(source.stats().problems['append_retry'], 3)
})

test('the writer waits when the buffer does: at most about a mebibyte is read ahead', async (t) => {
  const { input, bench } = setup(t)
  bench.appender.automatic = false
  const source = bench.start(options)
  const line = `${'x'.repeat(1023)}\n`
  let written = 0
  for (; written < 4096 && (written < 64 || input.writableLength < 64 * 1024); written++) {
    input.write(line)
    await bench.clock.advance(0)
  }
  assert.ok((source.stats().behindBytes ?? 0) <= 1.2 * 1024 * 1024, `${source.stats().behindBytes}`)
  assert.ok(written < 2048, `${written} KiB were taken`)
  bench.appender.automatic = true
  input.end()
  bench.appender.commit()
  await bench.until(() => bench.appender.texts.length === written)
})

test('what was read when the agent stops is stored, and what is not can be read by the next run', async (t) => {
  const { input, bench } = setup(t)
  const source = bench.start(options)
  input.write('a\nunfinished')
  await bench.until(() => bench.appender.texts.length === 1)
  await bench.stop()
  assert.deepEqual(bench.appender.texts, ['a', 'unfinished'])
  input.write('b\n')
  bench.resume(source)
  await bench.until(() => bench.appender.texts.length === 3)
  assert.equal(bench.appender.texts[2], 'b')
})

test('a stop does not wait longer than 5 s for the buffer, and says what could not be stored', async (t) => {
  const { input, bench } = setup(t)
  const source = bench.create(options)
  const abort = new AbortController()
  bench.appender.automatic = false
  const done = source.run(bench.appender, abort.signal)
  input.write('a\nb\n')
  await bench.until(() => bench.appender.waiting > 0)
  abort.abort()
  const message = /2 bytes read from standard input/
  const rejected = assert.rejects(done, { code: 'store_full', message })
  await bench.clock.advance(5000)
  await rejected
  assert.equal(source.stats().behindBytes, 2)
})

test('a line over maxLine is cut and marked, whatever pieces it comes in', async (t) => {
  const { input, bench } = setup(t)
  bench.start({ ...options, maxLine: '64 B' })
  for (let i = 0; i < 10; i++) {
    input.write('x'.repeat(30))
    await bench.clock.advance(1)
  }
  input.end('\nnext\n')
  await bench.done()
  assert.deepEqual(bench.appender.texts, ['x'.repeat(64), 'next'])
  assert.deepEqual(bench.appender.records[0]?.attributes, { truncated: 'true' })
})

test('a stream that fails ends each run with its error, and what came before is stored', async (t) => {
  const { input, bench } = setup(t)
  const source = bench.start(options)
  input.write('a\nunfinished')
  await bench.until(() => bench.appender.texts.length === 1)
  const failed = { code: 'no_input', message: /standard input cannot be read: the pipe broke/ }
  input.destroy(new Error('the pipe broke'))
  await assert.rejects(async () => {
    throw await bench.done()
  }, failed)
  assert.deepEqual(bench.appender.texts, ['a', 'unfinished'])
  await assert.rejects(source.run(bench.appender, new AbortController().signal), failed)
})

test('a stream without a byte is an error for an agent that stays, and an end with once', async (t) => {
  const { input, bench } = setup(t)
  input.end()
  bench.start(options)
  await assert.rejects(
    async () => {
      throw await bench.done()
    },
    { code: 'no_input', message: /closed or empty/ }
  )
  bench.start(options, { once: true })
  assert.equal(await bench.done(), undefined)
})

test('a stream that was read to its end before is no error', async (t) => {
  const { input, bench } = setup(t)
  input.end('a\n')
  bench.start(options)
  assert.equal(await bench.done(), undefined)
  bench.start(options)
  assert.equal(await bench.done(), undefined)
  assert.deepEqual(bench.appender.texts, ['a'])
})
