import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Outbox } from '../../../agent/sources/outbox.ts'
import { serial } from '../../../agent/sources/serial/serial.ts'
import { Tally } from '../../../agent/sources/tally.ts'
import { SourceBench } from '../../support/source-bench.ts'

function setup(t: TestContext) {
  const bench = new SourceBench(t, serial)
  const { clock, appender } = bench
  const tally = new Tally()
  const outbox = new Outbox(bench.context(), tally)
  const abort = new AbortController()
  const add = (text: string) => {
    const data = Buffer.from(text)
    const lens = Uint32Array.of(data.length)
    outbox.add({ keys: ['device-1'], times: Float64Array.of(clock.wallMs()), lens, data })
  }
  return { clock, appender, outbox, tally, abort, add }
}

test('what the buffer refuses is offered again before all that came after it', async (t) => {
  const { clock, appender, outbox, tally, abort, add } = setup(t)
  appender.automatic = false
  outbox.begin(appender, abort.signal)
  add('a')
  add('b')
  appender.failNext()
  appender.commit()
  await clock.advance(0)
  add('c')
  appender.automatic = true
  await clock.advance(500)
  add('d')
  await clock.advance(0)
  assert.deepEqual(appender.texts, ['a', 'b', 'c', 'd'])
  const { records, problems } = tally.stats()
  assert.deepEqual({ records, problems }, { records: 4, problems: { append_retry: 1 } })
})

test('what is not durable when a run ends is handed over by the next', async (t) => {
  const { clock, appender, outbox, abort, add } = setup(t)
  appender.automatic = false
  outbox.begin(appender, abort.signal)
  add('a')
  abort.abort()
  const ended = outbox.end()
  await clock.advance(2000)
  await ended
  assert.deepEqual([appender.texts, outbox.bytes, clock.sleeping], [[], 1, 0])
  appender.automatic = true
  outbox.begin(appender, new AbortController().signal)
  add('b')
  await outbox.end()
  assert.deepEqual([appender.texts, outbox.bytes], [['a', 'b'], 0])
})

test('an end without an abort waits until all is durable, however often the buffer refuses', async (t) => {
  const { clock, appender, outbox, abort, add } = setup(t)
  for (let i = 0; i < 20; i++) appender.failNext()
  outbox.begin(appender, abort.signal)
  add('a')
  let isOver = false
  const ended = outbox.end().then(() => {
    isOver = true
  })
  await clock.advance(5000)
  assert.ok(!isOver)
  for (let i = 0; i < 20; i++) await clock.advance(30_000)
  await ended
  assert.deepEqual(appender.texts, ['a'])
})

test('what is added after the abort is not left to the commit age', async (t) => {
  const { appender, outbox, abort, add } = setup(t)
  outbox.begin(appender, abort.signal)
  abort.abort()
  add('last')
  await outbox.end()
  const last = appender.chunks.findLastIndex(({ records }) => records.lens.length > 0)
  assert.ok(appender.chunks.slice(last).some(({ urgent }) => urgent))
})

test('at most 4 MiB wait; what comes then is left out and counted', async (t) => {
  const { appender, outbox, tally, abort, add } = setup(t)
  appender.automatic = false
  outbox.begin(appender, abort.signal)
  const piece = 'x'.repeat(1024 * 1024)
  for (let i = 0; i < 6; i++) add(piece)
  assert.equal(outbox.bytes, 4 * piece.length)
  assert.deepEqual(tally.stats().problems, { overrun: 2 })
  appender.automatic = true
  appender.commit()
  await outbox.end()
})
