import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OwedAcks } from '../../../../agent/sources/mqtt/owed-acks.ts'

const fresh = (messageId: number) => ({ messageId, dup: false })
const again = (messageId: number) => ({ messageId, dup: true })

test('PUBACKs are due when records are durable, in the order of the messages', () => {
  const acks = new OwedAcks()
  acks.connected(false)
  assert.equal(acks.add(fresh(7)), 'new')
  acks.addFree()
  assert.equal(acks.add(fresh(3)), 'new')
  assert.deepEqual(acks.settle(2, true), [7])
  assert.deepEqual(acks.settle(1, true), [3])
})

test('what is sent again on the next connection is known while its PUBACK was never written', () => {
  const acks = new OwedAcks()
  acks.connected(false)
  acks.add(fresh(1))
  acks.add(fresh(2))
  assert.deepEqual(acks.settle(1, false), [])
  acks.connected(true)
  assert.equal(acks.add(again(1)), 'durable')
  assert.equal(acks.add(again(2)), 'known')
  assert.deepEqual(acks.settle(1, true), [2])
  assert.equal(acks.add(fresh(1)), 'new')
})

test('an id that was acknowledged, or is of an older connection or session, names a new message', () => {
  const acked = new OwedAcks()
  acked.connected(false)
  acked.add(fresh(1))
  assert.deepEqual(acked.settle(1, true), [1])
  acked.connected(true)
  assert.equal(acked.add(again(1)), 'new')

  const older = new OwedAcks()
  older.connected(false)
  older.add(fresh(1))
  older.settle(1, false)
  older.connected(true)
  older.connected(true)
  assert.equal(older.add(again(1)), 'new')

  const forgotten = new OwedAcks()
  forgotten.connected(false)
  forgotten.add(fresh(1))
  forgotten.connected(false)
  assert.equal(forgotten.add(fresh(1)), 'new')
  assert.deepEqual(forgotten.settle(1, true), [])
  assert.deepEqual(forgotten.settle(1, true), [1])
})

test('whatever breaks, no message is acknowledged before it is durable, and none is dropped', () => {
  type Step = 'publish' | 'commit' | 'break' | 'forget'
  const step = fc.constantFrom<Step>('publish', 'publish', 'commit', 'break', 'forget')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const acks = new OwedAcks()
      acks.connected(false)
      /** What the broker has in flight, by packet id; it takes the lowest free one. */
      const inFlight = new Map<number, string>()
      const queue: string[] = []
      const durable = new Set<string>()
      const lost = new Set<string>()
      let open = true
      let published = 0
      const acknowledge = (id: number) => {
        const message = inFlight.get(id)
        if (message !== undefined) assert.ok(durable.has(message), `${message} acked too early`)
        inFlight.delete(id)
      }
      const deliver = (id: number, dup: boolean) => {
        const found = acks.add({ messageId: id, dup })
        if (found === 'new') queue.push(inFlight.get(id) ?? '')
        if (found === 'durable') acknowledge(id)
      }
      const reconnect = (resumed: boolean) => {
        open = true
        acks.connected(resumed)
        for (const id of [...inFlight.keys()]) deliver(id, true)
      }
      for (const one of steps) {
        if (one === 'publish') {
          let id = 1
          while (inFlight.has(id)) id += 1
          inFlight.set(id, `m${published++}`)
          if (open) deliver(id, false)
        } else if (one === 'commit') {
          const count = Math.min(queue.length, 3)
          for (const message of queue.splice(0, count)) durable.add(message)
          for (const id of acks.settle(count, open)) if (open) acknowledge(id)
        } else if (one === 'forget') {
          for (const message of inFlight.values()) if (!queue.includes(message)) lost.add(message)
          inFlight.clear()
          reconnect(false)
        } else if (open) open = false
        else reconnect(true)
      }
      if (!open) reconnect(true)
      for (const message of queue) durable.add(message)
      for (const id of acks.settle(queue.length, true)) acknowledge(id)
      for (let i = 0; i < published; i++) {
        assert.ok(durable.has(`m${i}`) || lost.has(`m${i}`), `m${i} is gone`)
      }
      assert.equal(inFlight.size, 0)
    }),
    { numRuns: 3000 }
  )
})
