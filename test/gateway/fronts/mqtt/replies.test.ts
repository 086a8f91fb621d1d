import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Replies } from '../../../../gateway/fronts/mqtt/replies.ts'

test('replies leave in the order they were opened, whatever the order they are settled in', () => {
  const order = fc.integer({ min: 1, max: 20 }).chain((count) => {
    const places = Array.from({ length: count }, (_, i) => i)
    return fc.shuffledSubarray(places, { minLength: count })
  })
  fc.assert(
    fc.property(order, (places) => {
      const written: number[] = []
      const replies = new Replies((bytes) => written.push(...bytes))
      const opened = places.map(() => replies.open())
      for (const place of places) {
        opened[place]?.settle(place % 3 === 0 ? undefined : Buffer.from([place]))
      }
      assert.deepEqual(
        written,
        places.filter((place) => place % 3 !== 0).sort((a, b) => a - b)
      )
      assert.equal(replies.pending, 0)
    })
  )
})

test('replies that become ready together are one write', () => {
  const writes: string[] = []
  const replies = new Replies((bytes) => writes.push(bytes.toString()))
  const [first, second, third] = [replies.open(), replies.open(), replies.open()]
  second.settle(Buffer.from('b'))
  third.settle(Buffer.from('c'))
  first.settle(Buffer.from('a'))
  assert.deepEqual(writes, ['abc'])
})

test('whoever waits until nothing is owed is called once, at once when nothing is', () => {
  const replies = new Replies(() => undefined)
  let calls = 0
  replies.whenIdle(() => calls++)
  assert.equal(calls, 1)
  const reply = replies.open()
  replies.whenIdle(() => calls++)
  assert.equal(calls, 1)
  reply.settle()
  replies.open().settle()
  assert.equal(calls, 2)
})
