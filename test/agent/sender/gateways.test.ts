import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gateways } from '../../../agent/sender/gateways.ts'
import { createLog } from '../../../shared/log.ts'
import { failsWith } from '../../contract/transport.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { frameOf } from '../../support/stored-frames.ts'
import { FakeTransport } from './fake-transport.ts'

const returnMs = 300_000
const { signal } = new AbortController()

function setup() {
  const [one, two, three] = [new FakeTransport(), new FakeTransport(), new FakeTransport()]
  const clock = new ManualClock()
  const gateways = new Gateways([one, two, three], { clock, log: createLog('test', 'silent') })
  const send = (first = 1) => gateways.send(frameOf(['a'], { first }), signal)
  const failing = async (transport: FakeTransport, times: number) => {
    for (let i = 0; i < times; i++) {
      const end = assert.rejects(send(), failsWith('transport'))
      transport.only().fail()
      await end
    }
  }
  return { one, two, three, clock, gateways, send, failing }
}

test('the first gateway is used while it answers, whatever it says', async () => {
  const { one, two, send } = setup()
  for (let i = 0; i < 10; i++) {
    const ack = send()
    one.only().answer({ code: i % 2 === 0 ? 'ok' : 'unavailable' })
    await ack
  }
  assert.equal(two.sent.length, 0)
})

test('three failures in a row move to the next gateway, and an Ack starts the count over', async () => {
  const { one, two, three, send, failing } = setup()
  await failing(one, 2)
  const ack = send()
  one.only().answer()
  await ack
  await failing(one, 2)
  assert.equal(two.sent.length, 0)
  await failing(one, 1)
  assert.equal(one.resets, 1)
  const second = send()
  two.only().answer()
  await second
  await failing(two, 3)
  void send()
  assert.equal(three.pending.length, 1)
})

test('a gateway that has not answered has one chance, so that in an outage all are tried soon', async () => {
  const { one, two, three, send, failing } = setup()
  await failing(one, 3)
  await failing(two, 1)
  await failing(three, 1)
  await failing(one, 1)
  void send()
  assert.equal(two.pending.length, 1)
})

test('batches that fail together are one failure', async () => {
  const { one, two, send } = setup()
  const ends = [1, 2, 3, 4].map((first) => assert.rejects(send(first), failsWith('transport')))
  for (const pending of one.pending) pending.fail()
  await Promise.all(ends)
  void send()
  assert.equal(one.pending.length, 1)
  assert.equal(two.sent.length, 0)
})

test('a refusal of the device moves nowhere', async () => {
  const { one, two, send } = setup()
  for (let i = 0; i < 5; i++) {
    const end = assert.rejects(send(), failsWith('unauthorized'))
    one.only().fail('unauthorized')
    await end
  }
  assert.equal(two.sent.length, 0)
})

test('after five minutes the first gateway has one chance, and in vain again after ten more', async () => {
  const { one, two, clock, send, failing } = setup()
  await failing(one, 3)
  await clock.advance(returnMs - 1)
  const second = send()
  two.only().answer()
  await second
  await clock.advance(1)
  await failing(one, 1)
  await clock.advance(2 * returnMs - 1)
  const back = send()
  two.only().answer()
  await back
  await clock.advance(1)
  const home = send()
  one.only().answer()
  await home
  await failing(one, 2)
  void send()
  assert.equal(one.pending.length, 1, 'it is the first again, with three chances')
})

test('a first gateway that refuses the device, or has no engine, when it is tried again is left', async () => {
  const answers = [
    (transport: FakeTransport) => transport.only().fail('unauthorized'),
    (transport: FakeTransport) => transport.only().answer({ code: 'unauthorized' }),
    (transport: FakeTransport) => transport.only().answer({ code: 'unavailable' })
  ]
  for (const refuse of answers) {
    const { one, two, clock, send, failing } = setup()
    await failing(one, 3)
    await clock.advance(returnMs)
    const end = assert.rejects(send(), failsWith('transport'))
    refuse(one)
    await end
    void send()
    assert.equal(two.pending.length, 1)
  }
})

test('what is pending on a gateway that is left fails, and calls keep their order', async () => {
  const { one, two, clock, send, failing } = setup()
  await failing(one, 3)
  const left = assert.rejects(send(1), failsWith('transport'))
  await clock.advance(returnMs)
  void send(2)
  void send(3)
  await left
  await settle()
  assert.deepEqual(one.firsts.slice(-2), [2, 3])
  assert.equal(two.resets, 1)
})

test('bytes and connections are counted over all, reset drops the current, close closes all', async () => {
  const { one, two, three, gateways, failing } = setup()
  await failing(one, 3)
  two.moved = 40
  assert.equal(gateways.bytesMoved(), one.moved + 40)
  one.connected = 3
  two.connected = 1
  assert.equal(gateways.connections(), 4)
  await gateways.reset()
  assert.equal(two.resets, 1)
  await gateways.close()
  assert.deepEqual([one.closed, two.closed, three.closed], [true, true, true])
})
