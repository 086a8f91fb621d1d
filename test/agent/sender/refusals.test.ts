import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AckCode } from '../../../shared/errors.ts'
import { settle } from '../../support/manual-clock.ts'
import { frameOf } from '../../support/stored-frames.ts'
import { firstBackoffMs, setup, singles } from './setup.ts'

const probeMs = 180_000

test('rejected records are parked with code and reason when the rest is settled', async (t) => {
  const { store, transport, sender } = await setup(t, [frameOf(['a', 'b', 'c'])])
  transport.only().answer({ rejected: [{ seq: 2, code: 'invalid', message: 'bad key' }] })
  await settle()
  assert.deepEqual(store.released[0]?.parked, [{ code: 'invalid', reason: 'bad key', seqs: [2] }])
  assert.equal(sender.stats().ackedRecords, 2)
  assert.deepEqual(sender.stats().rejectedRecords, { invalid: 1 })
})

test('an invalid batch is parked whole and does not stop the next', async (t) => {
  const { store, transport, sender } = await setup(t, [
    frameOf(['a', 'b']),
    frameOf(['c'], { first: 3 })
  ])
  transport.pending[0]?.answer({ code: 'invalid', message: 'field "times"' })
  transport.pending[0]?.answer()
  await settle()
  assert.deepEqual(
    store.released.map(({ parked }) => parked),
    [[{ code: 'invalid', reason: 'field "times"' }], undefined]
  )
  assert.deepEqual(sender.stats().rejectedRecords, { invalid: 2 })
})

test('a throttled stream waits for Retry-After, with one batch first; others go on', async (t) => {
  const frames = [...singles(3, { stream: 'slow' }), frameOf(['x'], { stream: 'fast' })]
  const { store, transport, clock, sender } = await setup(t, frames)
  const [first, second, third, fast] = transport.pending
  first?.answer({ code: 'throttled', retryAfterMs: 10_000 })
  second?.answer({ code: 'out_of_order' })
  third?.answer({ code: 'out_of_order' })
  fast?.answer()
  await settle()
  assert.equal(store.released.length, 1)
  assert.equal(sender.stats().inFlightFrames, 0, 'a waiting stream keeps no place in the window')
  store.add(frameOf(['y'], { stream: 'fast', first: 2 }))
  await settle()
  assert.equal(transport.only().frame.header.stream, 'fast')
  transport.only().answer()
  await clock.advance(10_000 + firstBackoffMs - 1)
  assert.deepEqual(transport.pendingFirsts, [])
  await clock.advance(1)
  assert.deepEqual(transport.pendingFirsts, [1])
  transport.only().answer()
  await settle()
  assert.deepEqual(transport.pendingFirsts, [2, 3])
  assert.equal(sender.stats().retries, 3)
})

test('an unavailable gateway makes all streams wait and is tried with one batch', async (t) => {
  const frames = [...singles(2, { stream: 'a' }), ...singles(2, { stream: 'b' })]
  const { transport, clock, sender } = await setup(t, frames)
  for (const one of transport.pending) one.answer({ code: 'unavailable', retryAfterMs: 2000 })
  await settle()
  assert.equal(sender.stats().connected, false)
  await clock.advance(2000 + firstBackoffMs - 1)
  assert.equal(transport.sent.length, 4, 'four refusals at once are one reason to wait')
  await clock.advance(1)
  assert.equal(transport.only().frame.header.first, 1)
  transport.only().answer()
  await settle()
  assert.equal(transport.pending.length, 3)
  assert.equal(sender.stats().connected, true)
})

test('unauthorized raises an alarm and is probed slowly; nothing is deleted', async (t) => {
  const { store, transport, clock, sender } = await setup(t, singles(3))
  transport.pending[0]?.fail('unauthorized')
  for (const one of transport.pending) one.fail('transport')
  await settle()
  assert.equal(sender.stats().unauthorized, true)
  for (let probe = 0; probe < 3; probe++) {
    await clock.advance(probeMs - 1)
    assert.equal(transport.pending.length, 0)
    await clock.advance(1)
    transport.only().answer({ code: 'unauthorized' })
    await settle()
  }
  assert.deepEqual(store.released, [])
  await clock.advance(probeMs)
  transport.only().answer()
  await settle()
  assert.equal(sender.stats().unauthorized, false)
  assert.equal(transport.pending.length, 2)
})

for (const code of ['forbidden', 'unknown_stream'] satisfies AckCode[]) {
  test(`${code} holds that stream only and is probed slowly`, async (t) => {
    const frames = [...singles(2, { stream: 'held' }), ...singles(2, { stream: 'other' })]
    const { store, transport, clock, sender } = await setup(t, frames)
    const [one, two, three, four] = transport.pending
    one?.answer({ code })
    two?.answer({ code })
    three?.answer()
    four?.answer()
    await settle()
    assert.equal(store.released.length, 2)
    assert.deepEqual(sender.stats().heldStreams, [{ stream: 'held', code }])
    assert.equal(sender.stats().inFlightFrames, 0)
    await clock.advance(probeMs)
    assert.equal(transport.only().frame.header.stream, 'held')
    transport.only().answer()
    await settle()
    assert.deepEqual(sender.stats().heldStreams, [])
    transport.only().answer()
    await settle()
    assert.equal(store.released.length, 4)
  })
}

test('what came out of order is sent again from the oldest unsettled, once all is answered', async (t) => {
  const { transport } = await setup(t, singles(4))
  const [one, two, three, four] = transport.pending
  two?.answer({ code: 'out_of_order' })
  three?.answer({ code: 'out_of_order' })
  await settle()
  assert.equal(transport.sent.length, 4, 'the first is still under way')
  one?.answer()
  four?.answer({ code: 'out_of_order' })
  await settle()
  assert.deepEqual(transport.firsts, [1, 2, 3, 4, 2, 3, 4])
})

test('a refused stream sends nothing again before all that is in flight is answered', async (t) => {
  const { transport, clock, sender } = await setup(t, singles(2))
  transport.pending[0]?.answer({ code: 'throttled' })
  await clock.advance(60_000)
  assert.deepEqual(transport.pendingFirsts, [2])
  assert.equal(sender.stats().inFlightFrames, 2)
  transport.only().answer({ code: 'out_of_order' })
  await clock.advance(firstBackoffMs)
  assert.deepEqual(transport.pendingFirsts, [1])
})

test('a gateway that misses what was never lost is asked again with a backoff', async (t) => {
  const { transport, clock } = await setup(t, singles(1))
  transport.only().answer({ code: 'out_of_order' })
  await clock.advance(firstBackoffMs - 1)
  assert.equal(transport.sent.length, 1)
  await clock.advance(1)
  assert.equal(transport.sent.length, 2)
})

test('a batch that is too large goes in halves, and its frame is released with the last', async (t) => {
  const texts = ['a', 'b', 'c', 'd', 'e']
  const { store, transport, sender } = await setup(t, [frameOf(texts, { first: 7, prev: 4 })])
  transport.only().answer({ code: 'too_large' })
  await settle()
  const spans = () => transport.pending.map(({ frame }) => [frame.header.first, frame.header.count])
  assert.deepEqual(spans(), [
    [7, 3],
    [10, 2]
  ])
  assert.deepEqual(
    transport.pending.map(({ frame }) => frame.header.prev),
    [4, 9]
  )
  transport.pending[0]?.answer({ rejected: [{ seq: 8, code: 'invalid', message: 'bad' }] })
  await settle()
  assert.equal(store.released.length, 0)
  transport.only().answer({ code: 'invalid', message: 'worse' })
  await settle()
  assert.deepEqual(store.released[0]?.parked, [
    { code: 'invalid', reason: 'bad', seqs: [8] },
    { code: 'invalid', reason: 'worse', seqs: [10, 11] }
  ])
  assert.equal(sender.stats().ackedRecords, 2)
})

test('a single record that is too large is parked, the records around it arrive', async (t) => {
  const { store, transport, sender } = await setup(t, [])
  transport.script = ({ header: { first, count } }) =>
    first <= 3 && first + count > 3 ? { code: 'too_large', message: 'over 1 MiB' } : {}
  store.add(frameOf(['a', 'b', 'c', 'd', 'e', 'f']))
  await settle(20)
  assert.deepEqual(store.released[0]?.parked, [
    { code: 'too_large', reason: 'over 1 MiB', seqs: [3] }
  ])
  assert.equal(sender.stats().ackedRecords, 5)
})

test('after an Ack with a smaller maxBatchBytes frames are cut before they are sent', async (t) => {
  const { store, transport } = await setup(t, singles(1))
  transport.script = () => ({})
  const limits = { maxBatchBytes: 3072, maxRecordBytes: 1000 }
  transport.only().answer({ limits })
  const texts = Array.from({ length: 10 }, () => 'x'.repeat(500))
  store.add(frameOf(texts, { first: 2 }))
  await settle(20)
  const pieces = transport.sent.slice(1)
  assert.ok(pieces.every(({ body }) => body.length <= limits.maxBatchBytes - 1024))
  assert.equal(
    pieces.reduce((sum, { header }) => sum + header.count, 0),
    10
  )
  assert.equal(store.released.length, 2)
})

test('a frame that is settled in part goes on behind that part', async (t) => {
  const { transport, clock } = await setup(t, [frameOf(['a', 'b', 'c', 'd'])])
  transport.only().answer({ code: 'too_large' })
  await settle()
  transport.pending[0]?.answer()
  transport.pending[0]?.answer({ code: 'throttled' })
  await clock.advance(firstBackoffMs)
  const { header } = transport.only().frame
  assert.deepEqual([header.first, header.count, header.prev], [3, 2, 2])
})

test('a gateway that does not know the part it settled gets the whole frame again', async (t) => {
  const { store, transport, clock } = await setup(t, [frameOf(['a', 'b', 'c', 'd'])])
  transport.only().answer({ code: 'too_large' })
  await settle()
  const rejected = [{ seq: 1, code: 'invalid', message: 'bad' }] as const
  transport.pending[0]?.answer({ rejected })
  transport.pending[0]?.answer({ code: 'throttled' })
  await clock.advance(firstBackoffMs)
  transport.only().answer({ code: 'out_of_order' })
  await clock.advance(firstBackoffMs * 2)
  assert.equal(transport.only().frame.header.first, 1)
  transport.script = () => ({})
  transport.only().answer({ rejected })
  await settle()
  assert.deepEqual(store.released[0]?.parked, [{ code: 'invalid', reason: 'bad', seqs: [1] }])
})

test('a frame that no transport can read is parked as unreadable', async (t) => {
  const { store, transport } = await setup(t, singles(2))
  transport.pending[0]?.fail('invalid')
  transport.pending[0]?.answer()
  await settle()
  assert.deepEqual(
    store.released.map(({ parked }) => parked),
    [[{ code: 'unreadable', reason: 'invalid' }], undefined]
  )
})

test('a frame that is too large and cannot be split is parked as unreadable', async (t) => {
  const broken = { ...frameOf(['a', 'b']), body: Buffer.from('no frame') }
  const { store, transport } = await setup(t, [broken])
  transport.script = () => ({ code: 'too_large' })
  transport.only().answer({ code: 'too_large' })
  await settle()
  assert.equal(store.released[0]?.parked?.[0]?.code, 'unreadable')
})
