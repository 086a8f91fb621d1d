import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Sender } from '../../../agent/sender/sender.ts'
import { createLog } from '../../../shared/log.ts'
import { settle } from '../../support/manual-clock.ts'
import { frameOf } from '../../support/stored-frames.ts'
import { firstBackoffMs, middle, setup, singles } from './setup.ts'

test('what was in flight on a cut connection counts as one failure and is sent again', async (t) => {
  const { store, transport, clock, sender } = await setup(t, singles(4))
  for (const one of transport.pending) one.fail()
  await settle()
  assert.equal(sender.stats().transportFailures, 1)
  await clock.advance(firstBackoffMs)
  assert.deepEqual(transport.pendingFirsts, [1], 'one batch tries the way')
  transport.only().answer()
  await settle()
  assert.deepEqual(transport.firsts, [1, 2, 3, 4, 1, 2, 3, 4])
  assert.equal(store.released.length, 1)
})

test('the wait doubles with each failure up to five minutes, and an Ack ends it', async (t) => {
  const { transport, clock } = await setup(t, singles(1))
  for (let attempt = 0; attempt < 14; attempt++) {
    const sent = transport.sent.length
    transport.moved -= 1 // A refused connection moves no byte.
    transport.only().fail()
    const waitMs = Math.min(300_000, 500 * 2 ** attempt) / 2
    await clock.advance(waitMs - 1)
    assert.equal(transport.sent.length, sent, `attempt ${attempt}`)
    await clock.advance(1)
    assert.equal(transport.sent.length, sent + 1, `attempt ${attempt}`)
  }
  transport.only().answer()
  await settle()
})

test('a Retry-After that came without an Ack is kept', async (t) => {
  const { transport, clock } = await setup(t, singles(1))
  transport.only().fail('transport', 30_000)
  await clock.advance(29_999)
  assert.equal(transport.sent.length, 1)
  await clock.advance(1 + firstBackoffMs)
  assert.equal(transport.sent.length, 2)
})

test('a frame on which the connection dies five times is halved until the poison is alone', async (t) => {
  const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const { store, transport, clock, sender } = await setup(t, [frameOf(texts)])
  const poison = 6
  for (let i = 0; i < 400; i++) {
    for (const one of transport.pending) {
      const { first, count } = one.frame.header
      if (first <= poison && poison < first + count) one.fail()
      else one.answer()
    }
    await clock.advance(300_000)
  }
  const last = transport.sent.at(-1)?.header
  assert.deepEqual([last?.first, last?.count], [poison, 1])
  assert.equal(sender.stats().ackedRecords, poison - 1)
  assert.deepEqual(store.released, [], 'the frame is never given up')
})

test('a stream on whose head the connection dies does not stop the others', async (t) => {
  const good = singles(20, { stream: 'good' })
  const frames = [frameOf(['poison'], { stream: 'bad' }), ...good]
  const { store, transport, clock } = await setup(t, frames)
  for (let i = 0; i < 200 && store.released.length < good.length; i++) {
    const poisoned = transport.pending.some(({ frame }) => frame.header.stream === 'bad')
    for (const one of transport.pending) {
      if (poisoned) one.fail()
      else one.answer()
    }
    await clock.advance(10_000)
  }
  assert.deepEqual(
    store.released.map(({ id }) => id),
    good.map(({ id }) => id)
  )
})

test('an outage without any connection does not cut frames', async (t) => {
  const { transport, clock } = await setup(t, [frameOf(['a', 'b', 'c', 'd'])])
  for (let i = 0; i < 20; i++) {
    transport.moved -= 1
    transport.only().fail()
    await clock.advance(300_000)
  }
  assert.equal(transport.only().frame.header.count, 4)
})

test('stop sends nothing new, waits for what is in flight, then closes the transport', async (t) => {
  const { store, transport, sender } = await setup(t, singles(10))
  assert.equal(transport.pending.length, 8)
  let stopped = false
  const stop = sender.stop(new AbortController().signal).then(() => {
    stopped = true
  })
  for (const one of transport.pending) one.answer()
  await settle()
  assert.equal(stopped, true)
  await stop
  assert.equal(transport.sent.length, 8)
  assert.equal(store.released.length, 8)
  assert.equal(transport.closed, true)
  assert.equal(sender.stop(AbortSignal.abort()), sender.stop(AbortSignal.abort()))
})

test('stop gives up what is in flight at its deadline', async (t) => {
  const { store, transport, sender } = await setup(t, singles(2))
  const deadline = new AbortController()
  const stop = sender.stop(deadline.signal)
  await settle()
  assert.equal(transport.closed, false)
  deadline.abort()
  await stop
  assert.equal(transport.closed, true)
  assert.deepEqual(store.released, [])
})

test('stop ends at its deadline although the transport never answers', async (t) => {
  const { store, transport, clock, sender } = await setup(t, [])
  transport.send = () => new Promise(() => undefined)
  store.add(...singles(1))
  await settle()
  assert.equal(sender.stats().inFlightFrames, 1)
  await sender.stop(AbortSignal.abort())
  await settle()
  assert.equal(clock.sleeping, 0, 'nothing is left running')
})

test('stop gives up a release that fails at its deadline', async (t) => {
  const { store, transport, sender } = await setup(t, singles(1))
  store.failures.release.push(new Error('disk full'))
  transport.only().answer()
  const deadline = new AbortController()
  const stop = sender.stop(deadline.signal)
  await settle()
  assert.equal(transport.closed, false)
  deadline.abort()
  await stop
  assert.deepEqual(store.released, [])
})

test('stop in the middle of a wait ends at once and sends nothing', async (t) => {
  const { transport, sender, clock } = await setup(t, singles(2))
  for (const one of transport.pending) one.fail()
  await settle()
  await sender.stop(new AbortController().signal)
  assert.equal(clock.sleeping, 0, 'nothing is left running')
  assert.equal(transport.sent.length, 2)
})

test('stop before start is safe, and a start after it does nothing', async (t) => {
  const { store, transport, clock } = await setup(t, [])
  const log = createLog('test', 'silent')
  const sender = new Sender({ store, transport, clock, random: middle, log })
  await sender.stop(new AbortController().signal)
  await sender.start()
  store.add(...singles(1))
  await settle()
  await sender.idle(new AbortController().signal)
  assert.equal(sender.stats().sentRecords, 0)
})
