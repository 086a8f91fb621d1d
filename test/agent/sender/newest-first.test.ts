import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Sender, type SenderOptions } from '../../../agent/sender/sender.ts'
import { createLog } from '../../../shared/log.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { FakeTransport } from './fake-transport.ts'
import { LanedStore } from './laned-store.ts'
import { middle } from './setup.ts'

const backlogAfterMs = 60_000

interface World {
  readonly store: LanedStore
  readonly clock: ManualClock
}

async function begin(
  t: TestContext,
  { store, clock }: World,
  options: Partial<SenderOptions> = {}
) {
  const transport = new FakeTransport()
  const log = createLog('test', 'silent')
  const sender = new Sender({
    ...{ store, transport, clock, random: middle, log, stallMs: 1e12 },
    newestFirst: { lanes: store, backlogAfterMs: () => backlogAfterMs, liveShare: 0.7 },
    ...options
  })
  t.after(() => sender.stop(AbortSignal.abort()))
  await sender.start()
  await settle()
  return { transport, sender }
}

function world(): World {
  const clock = new ManualClock()
  return { clock, store: new LanedStore(clock) }
}

const heads = ({ sent }: FakeTransport) =>
  sent.map(({ header: { first, lane, prev } }) => ({ first, lane, prev }))

/** Answers what is pending and what comes then, until nothing more comes. */
async function drain(transport: FakeTransport): Promise<void> {
  while (transport.pending.length > 0) {
    transport.pending[0]?.answer()
    await settle()
  }
}

/** Frames 1 to 3 are sent and acked, 4 is lost; 5 to 9 come in an outage of five minutes. */
async function outage(t: TestContext, options: Partial<SenderOptions> = {}) {
  const { store, clock } = world()
  const { transport, sender } = await begin(t, { store, clock }, options)
  store.append(1, 1, 1)
  await settle()
  await drain(transport)
  store.saveProgress()
  store.append(1)
  await settle()
  for (let frame = 5; frame <= 9; frame++) {
    for (const one of transport.pending) one.fail()
    store.append(1)
    await clock.advance(backlogAfterMs)
  }
  for (const one of transport.pending) one.fail()
  await settle()
  transport.sent.length = 0
  return { store, clock, transport, sender }
}

test('after an outage the newest goes next, behind what had been sent, and then the backlog in order', async (t) => {
  const { clock, transport } = await outage(t)
  await clock.advance(300_000)
  await drain(transport)
  assert.deepEqual(heads(transport), [
    { first: 4, lane: 0, prev: 3 },
    { first: 9, lane: 0, prev: 4 },
    { first: 5, lane: 1, prev: 0 },
    { first: 6, lane: 1, prev: 5 },
    { first: 7, lane: 1, prev: 6 },
    { first: 8, lane: 1, prev: 7 }
  ])
})

test('the floor of a batch is that of its lane, so a gateway without memory takes the first of each', async (t) => {
  const { clock, transport } = await outage(t)
  await clock.advance(300_000)
  transport.only().answer()
  await settle()
  const floors = transport.pending.map(({ frame: { header } }) => [header.first, header.floor])
  assert.deepEqual(floors.slice(0, 2), [
    [9, 9],
    [5, 5]
  ])
})

test('what waits for less than backlogAfter is sent in order, and nothing is backlog', async (t) => {
  const { store, clock } = world()
  const { transport } = await begin(t, { store, clock })
  store.append(1)
  await settle()
  transport.only().fail()
  store.append(1, 1, 1)
  await clock.advance(20_000)
  await drain(transport)
  assert.deepEqual(
    heads(transport).map(({ first, lane }) => [first, lane]),
    [1, 1, 2, 3, 4].map((first) => [first, 0])
  )
})

test('what comes while the backlog drains is sent before it, at most at its share of the bytes', async (t) => {
  const { store, clock } = world()
  const idle = { window: { frames: 1, bytes: 1e6 } }
  store.append(...Array.from({ length: 40 }, () => 1))
  store.crash()
  const { transport } = await begin(t, { store, clock }, idle)
  // Of an older life, and nothing is known of it: it may all have been live.
  await drain(transport)
  store.append(...Array.from({ length: 40 }, () => 1))
  await settle()
  transport.only().fail()
  await clock.advance(backlogAfterMs * 2)
  transport.only().fail()
  await settle()
  store.append(1)
  transport.sent.length = 0
  await clock.advance(300_000)
  for (let i = 0; i < 30; i++) {
    // There is always something live.
    store.append(1)
    transport.only().answer()
    await settle()
  }
  const lanes = transport.sent.slice(5).map(({ header }) => header.lane)
  const live = lanes.filter((lane) => lane === 0).length
  assert.ok(live >= 0.6 * lanes.length && live <= 0.8 * lanes.length, lanes.join(''))
})

test('the backlog has at most its share of the window in flight', async (t) => {
  const { clock, transport } = await outage(t, { window: { frames: 5, bytes: 1e6 } })
  await clock.advance(300_000)
  transport.only().answer()
  await settle()
  assert.deepEqual(transport.pendingFirsts, [9, 5, 6])
})

test('what was never sent before a crash in an outage is backlog; what was sent keeps its lane', async (t) => {
  const { store, clock, sender } = await outage(t)
  await sender.stop(AbortSignal.abort())
  store.crash()
  const { transport } = await begin(t, { store, clock })
  store.append(1)
  await settle()
  await drain(transport)
  const ofLane = (lane: number) =>
    transport.sent
      .filter(({ header }) => header.lane === lane)
      .map(({ header }) => `${header.epoch.at(-1)}/${header.first}`)
  assert.deepEqual(ofLane(0), ['0/4', '1/1'])
  assert.deepEqual(ofLane(1), ['0/5', '0/6', '0/7', '0/8', '0/9'])
})

test('a crash while the link was up leaves in the live lane all that may have been sent', async (t) => {
  const { store, clock } = world()
  const { transport, sender } = await begin(t, { store, clock })
  store.append(1, 1, 1)
  await settle()
  assert.deepEqual(transport.pendingFirsts, [1, 2, 3])
  await sender.stop(AbortSignal.abort())
  store.crash()
  const { transport: second } = await begin(t, { store, clock })
  await drain(second)
  assert.deepEqual(
    heads(second).map(({ first, lane }) => [first, lane]),
    [1, 2, 3].map((first) => [first, 0])
  )
})

test('an outage costs two writes, however many frames come and go', async (t) => {
  const { store, clock, transport } = await outage(t)
  assert.equal(store.saveCount, 2)
  await clock.advance(300_000)
  await drain(transport)
  for (let i = 0; i < 20; i++) {
    store.append(1)
    await settle()
    await drain(transport)
  }
  assert.equal(store.saveCount, 3)
})

test('nothing depends on ranges whose save failed, even when it happened after all', async (t) => {
  for (const outcome of ['fails', 'doubt'] as const) {
    const { store, clock, transport } = await outage(t)
    await clock.advance(300_000)
    store.saves = [outcome]
    transport.only().answer()
    await settle()
    assert.deepEqual(transport.pendingFirsts, [])
    await clock.advance(1000)
    assert.deepEqual(transport.pendingFirsts.slice(0, 2), [9, 5])
  }
})

test('what a hold kept back is backlog after a crash in it', async (t) => {
  const { store, clock } = world()
  const gate = { held: false, waitMs: () => (gate.held ? 60_000 : 0) }
  const { transport, sender } = await begin(t, { store, clock }, { gate })
  store.append(1)
  await settle()
  await drain(transport)
  store.saveProgress()
  gate.held = true
  for (let i = 0; i < 3; i++) {
    store.append(1)
    await clock.advance(60_000)
  }
  await sender.stop(AbortSignal.abort())
  store.crash()
  const { transport: second } = await begin(t, { store, clock })
  await drain(second)
  assert.deepEqual(
    heads(second).map(({ first, lane }) => [first, lane]),
    [2, 3, 4].map((first) => [first, 1])
  )
})

test('a sender has written all it will when its stop resolves, whatever the deadline', async (t) => {
  const { store, clock } = world()
  const { sender } = await begin(t, { store, clock })
  let goOn = () => {}
  const readFrom = store.readFrom.bind(store)
  store.readFrom = async (...args) => {
    await new Promise<void>((resolve) => {
      goOn = resolve
    })
    return readFrom(...args)
  }
  store.append(1)
  await settle()
  let stopped = false
  const stop = sender.stop(AbortSignal.abort()).then(() => {
    stopped = true
  })
  await settle()
  assert.equal(stopped, false)
  goOn()
  await stop
  const { saveCount } = store
  await settle()
  assert.equal(store.saveCount, saveCount)
})

test('a new sender over the same buffer takes all that is open for sent', async (t) => {
  const { store, clock } = world()
  const { transport, sender } = await begin(t, { store, clock })
  store.append(1, 1)
  await settle()
  assert.deepEqual(transport.pendingFirsts, [1, 2])
  await sender.stop(AbortSignal.abort())
  store.append(1, 1)
  await clock.advance(backlogAfterMs * 2)
  const { transport: second } = await begin(t, { store, clock })
  await drain(second)
  assert.deepEqual(
    heads(second).map(({ first, lane }) => [first, lane]),
    [1, 2, 3, 4].map((first) => [first, 0])
  )
})

test('a stream that is sent in order again keeps the lanes of what is left', async (t) => {
  const { store, clock, sender } = await outage(t)
  await clock.advance(300_000)
  await sender.stop(AbortSignal.abort())
  store.crash()
  const inOrder = { lanes: store, backlogAfterMs: () => undefined, liveShare: 0.7 }
  const { transport } = await begin(t, { store, clock }, { newestFirst: inOrder })
  store.append(1)
  await settle()
  await drain(transport)
  assert.deepEqual(
    heads(transport).map(({ first, lane }) => [first, lane]),
    [
      [4, 0],
      [5, 1],
      [6, 1],
      [7, 1],
      [8, 1],
      [9, 1],
      [1, 0]
    ]
  )
})
