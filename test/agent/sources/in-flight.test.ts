import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InFlight } from '../../../agent/sources/in-flight.ts'
import { settle } from '../../support/manual-clock.ts'

function append() {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

test('there is room until the bytes or the count are reached, and again when one settles', async () => {
  const inFlight = new InFlight({ bytes: 10, count: 3 })
  const first = append()
  inFlight.add(10, first.promise)
  let room = false
  const waiting = inFlight.room().then(() => {
    room = true
  })
  await settle()
  assert.equal(room, false)
  first.resolve()
  await waiting
  for (let i = 0; i < 3; i++) inFlight.add(0, append().promise)
  room = false
  void inFlight.room().then(() => {
    room = true
  })
  await settle()
  assert.equal(room, false)
})

test('after a failure nothing more is let through, and all that is under way is waited for', async () => {
  const inFlight = new InFlight({ bytes: 10, count: 3 })
  const [first, second] = [append(), append()]
  inFlight.add(1, first.promise)
  inFlight.add(1, second.promise)
  first.reject(new Error('no'))
  await settle()
  await assert.rejects(inFlight.room(), /no/)
  assert.throws(() => inFlight.check(), /no/)
  assert.equal(inFlight.empty, false)
  second.resolve()
  await inFlight.settled()
  await assert.rejects(inFlight.durable(), /no/)
})
