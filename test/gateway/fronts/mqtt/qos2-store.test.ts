import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Qos2Store } from '../../../../gateway/fronts/mqtt/qos2-store.ts'

test('sessions above the limit are forgotten, the one absent longest first, and counted', () => {
  const store = new Qos2Store(2)
  for (const client of ['a', 'b', 'c']) {
    const session = store.open(client, false)
    session.begin(1)
    store.keep(client, session)
  }
  assert.equal(store.evicted, 1)
  assert.deepEqual(
    ['a', 'b', 'c'].map((client) => store.open(client, false).size),
    [0, 1, 1]
  )
})

test('a session with nothing to remember is not kept', () => {
  const store = new Qos2Store(1)
  const busy = store.open('busy', false)
  busy.begin(1)
  store.keep('busy', busy)
  for (let i = 0; i < 10; i++) store.keep(`idle${i}`, store.open(`idle${i}`, false))
  assert.equal(store.evicted, 0)
  assert.equal(store.open('busy', false).state(1), 'pending')
})

test('whoever waits for a pending message hears once what became of it', () => {
  const session = new Qos2Store(1).open('a', true)
  const heard: boolean[] = []
  session.begin(1)
  session.begin(2)
  session.wait(1, (stored) => heard.push(stored))
  session.wait(2, (stored) => heard.push(stored))
  session.stored(1)
  session.forget(2)
  session.stored(1)
  assert.deepEqual(heard, [true, false])
  assert.deepEqual([session.state(1), session.state(2)], ['stored', 'unknown'])
})
