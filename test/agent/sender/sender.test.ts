import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../../support/manual-clock.ts'
import { epochTwo, frameOf } from '../../support/stored-frames.ts'
import { firstBackoffMs, setup, singles } from './setup.ts'

test('frames of a stream leave in order, several at a time, and an Ack releases them', async (t) => {
  const { store, transport, sender } = await setup(t, singles(3))
  assert.deepEqual(transport.pendingFirsts, [1, 2, 3])
  transport.pending[0]?.answer()
  await settle()
  assert.deepEqual(store.released, [{ id: singles(1)[0]?.id, parked: undefined }])
  const stats = sender.stats()
  assert.equal(stats.sentRecords, 3)
  assert.equal(stats.ackedRecords, 1)
  assert.equal(stats.inFlightFrames, 2)
  assert.equal(stats.connected, true)
  assert.equal(stats.lastAckAgeMs, 0)
})

test('a frame that is appended later is sent when the buffer says so', async (t) => {
  const { store, transport } = await setup(t, [])
  assert.deepEqual(transport.sent, [])
  store.add(frameOf(['late']))
  await settle()
  assert.deepEqual(transport.pendingFirsts, [1])
})

test('at most window.frames frames are in flight over all streams', async (t) => {
  const frames = [...singles(5, { stream: 'a' }), ...singles(5, { stream: 'b' })]
  const { transport } = await setup(t, frames, { window: { frames: 8, bytes: 1e6 } })
  assert.equal(transport.pending.length, 8)
  transport.pending[0]?.answer()
  await settle()
  assert.equal(transport.pending.length, 8)
  assert.equal(transport.sent.length, 9)
})

test('at most window.bytes bytes are in flight, and a larger frame goes alone', async (t) => {
  const large = frameOf(['x'.repeat(3000)], { first: 1 })
  const frames = [large, ...[2, 3, 4].map((first) => frameOf(['x'.repeat(900)], { first }))]
  const { transport } = await setup(t, frames, { window: { frames: 8, bytes: 2200 } })
  assert.deepEqual(transport.pendingFirsts, [1])
  transport.only().answer()
  await settle()
  assert.deepEqual(transport.pendingFirsts, [2, 3])
})

test('the stream with the oldest frame is served first', async (t) => {
  const frames = [
    frameOf(['1'], { stream: 'b' }),
    frameOf(['2'], { stream: 'a' }),
    frameOf(['3'], { stream: 'a', first: 2 }),
    frameOf(['4'], { stream: 'b', first: 2 })
  ]
  const { transport } = await setup(t, frames, { window: { frames: 1, bytes: 1e6 } })
  const order: string[] = []
  while (transport.pending.length > 0) {
    const one = transport.only()
    order.push(one.frame.header.stream)
    one.answer()
    await settle()
  }
  assert.deepEqual(order, ['b', 'a', 'a', 'b'])
})

test('frames are settled in order, whatever the order of the Acks', async (t) => {
  const { store, transport } = await setup(t, singles(3))
  transport.pending[2]?.answer()
  transport.pending[1]?.answer()
  await settle()
  assert.deepEqual(store.released, [])
  transport.only().answer()
  await settle()
  assert.deepEqual(
    store.released.map(({ id }) => id),
    singles(3).map(({ id }) => id)
  )
})

test('each batch carries the floor of the moment at which it is sent', async (t) => {
  const { transport } = await setup(t, singles(3), { window: { frames: 1, bytes: 1e6 } })
  for (let i = 0; i < 3; i++) {
    transport.only().answer()
    await settle()
  }
  assert.deepEqual(
    transport.sent.map(({ header }) => header.floor),
    [1, 2, 3]
  )
})

test('frames of a newer epoch wait until all of the older are settled', async (t) => {
  const newer = [1, 2].map((first) => frameOf([`n${first}`], { first, epoch: epochTwo }))
  const other = frameOf(['o'], { stream: 'other' })
  const { transport } = await setup(t, [...singles(2), ...newer, other])
  assert.equal(transport.pending.length, 3, 'two of the older epoch and the other stream')
  transport.pending[0]?.answer()
  await settle()
  assert.equal(transport.sent.length, 3)
  transport.pending[0]?.answer()
  await settle()
  assert.equal(transport.sent.length, 5)
  assert.deepEqual(
    transport.sent.slice(3).map(({ header }) => header.epoch),
    [epochTwo, epochTwo]
  )
})

test('a frame that the buffer drops while it waits is not sent', async (t) => {
  const { store, transport, clock } = await setup(t, singles(2))
  for (const one of transport.pending) one.fail()
  await settle()
  const [dropped] = singles(1)
  store.drop(dropped?.id ?? '')
  await clock.advance(firstBackoffMs)
  assert.deepEqual(transport.pendingFirsts, [2])
  assert.equal(transport.only().frame.header.floor, 2)
})

test('a pace that an Ack asks for is kept until an Ack lifts it', async (t) => {
  const frames = [1, 2, 3, 4].map((first) => frameOf(['x'.repeat(4000)], { first }))
  const bytes = frames[0]?.body.length ?? 0
  const window = { frames: 1, bytes: 1e6 }
  const { transport, clock } = await setup(t, frames, { window })
  transport.only().answer({ pace: { bytesPerSecond: bytes } })
  await settle()
  transport.only().answer({ pace: { bytesPerSecond: bytes } })
  await clock.advance(999)
  assert.equal(transport.sent.length, 2)
  await clock.advance(1)
  assert.equal(transport.sent.length, 3)
  transport.only().answer()
  await settle()
  assert.equal(transport.sent.length, 4)
})

test('a connection on which no byte moves is dropped after stallMs, and sending goes on', async (t) => {
  const { transport, clock, sender } = await setup(t, singles(1), { stallMs: 60_000 })
  await clock.advance(45_000)
  transport.moved += 1
  await clock.advance(59_000)
  assert.equal(transport.resets, 0)
  await clock.advance(16_000)
  assert.equal(transport.resets, 1)
  assert.equal(sender.stats().stalls, 1)
  await clock.advance(firstBackoffMs)
  transport.only().answer()
  await settle()
  assert.equal(sender.stats().ackedRecords, 1)
  await clock.advance(600_000)
  assert.equal(transport.resets, 1, 'with nothing in flight nothing has to move')
})

test('a release that fails is tried again until the buffer takes it, and not sent again', async (t) => {
  const { store, transport, clock } = await setup(t, singles(2))
  store.failures.release.push(new Error('disk full'), new Error('disk full'))
  transport.pending[0]?.answer()
  await settle()
  transport.only().fail()
  await settle()
  assert.deepEqual(store.released, [])
  await clock.advance(firstBackoffMs * 4)
  assert.equal(store.released.length, 1)
  assert.deepEqual(transport.firsts, [1, 2, 2])
})

test('a buffer that cannot be read for one stream holds up that stream only', async (t) => {
  const { store, transport, clock } = await setup(t, [])
  store.failures.read.push(new Error('I/O error'))
  store.add(frameOf(['a'], { stream: 'a' }), frameOf(['b'], { stream: 'b' }))
  await settle()
  assert.deepEqual(
    transport.pending.map(({ frame }) => frame.header.stream),
    ['b']
  )
  await clock.advance(firstBackoffMs)
  assert.equal(transport.pending.length, 2)
})

test('idle resolves when the last frame is released, and not before', async (t) => {
  const { store, transport, sender } = await setup(t, singles(1))
  let idle = false
  const whenIdle = sender.idle(new AbortController().signal).then(() => {
    idle = true
  })
  let open = (): void => undefined
  store.releaseGate = new Promise((resolve) => {
    open = resolve
  })
  transport.only().answer()
  await settle()
  assert.equal(idle, false)
  open()
  await whenIdle
  await sender.idle(new AbortController().signal)
})

test('idle resolves when its signal aborts', async (t) => {
  const { sender } = await setup(t, singles(1))
  const abort = new AbortController()
  const idle = sender.idle(abort.signal)
  abort.abort()
  await idle
  await sender.idle(abort.signal)
})
