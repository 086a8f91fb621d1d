import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeSequence,
  encodeSequence,
  encodeSequenceAt
} from '../../../gateway/engines/sequence-number.ts'

const parts = fc.record(
  {
    shardCreatedSeconds: fc.nat({ max: 2 ** 31 }),
    shardIndex: fc.nat({ max: 2 ** 31 - 1 }),
    index: fc.maxSafeNat(),
    timeSeconds: fc.nat({ max: 2 ** 31 })
  },
  { noNullPrototype: true }
)

test('the layout is that of Kinesis: a number made by kinesalite', () => {
  const made = encodeSequence({
    shardCreatedSeconds: 1_700_000_000,
    shardIndex: 0,
    index: 0,
    timeSeconds: 1_700_000_000
  })
  assert.equal(made, '49646437577108476416916876405825929425585429676275269634')
})

test('a number of AWS itself gives the shard and the time that stood beside it', () => {
  const found = decodeSequence('49590338271490256608559692538361571095921575989136588898')
  assert.equal(found?.shardIndex, 6)
  assert.equal(found?.timeSeconds, 1_545_084_650)
})

test('what is encoded is decoded', () => {
  fc.assert(
    fc.property(parts, (one) => {
      assert.deepEqual(decodeSequence(encodeSequence(one)), one)
    })
  )
})

test('numbers have 56 digits and rise with the index, whatever the time is', () => {
  fc.assert(
    fc.property(
      parts,
      fc.nat({ max: 2 ** 31 }),
      fc.integer({ min: 1, max: 1000 }),
      (one, timeSeconds, by) => {
        fc.pre(one.index + by <= Number.MAX_SAFE_INTEGER)
        const before = encodeSequence(one)
        const after = encodeSequence({ ...one, index: one.index + by, timeSeconds })
        assert.equal(before.length, 56)
        assert.ok(BigInt(after) > BigInt(before))
        assert.equal(encodeSequenceAt({ ...one, timeSeconds })(by), after)
      }
    )
  )
})

test('a child shard numbers above its parent, for it was created later', () => {
  const parent = { shardCreatedSeconds: 10, shardIndex: 3, index: 2 ** 52, timeSeconds: 2 ** 31 }
  const child = { shardCreatedSeconds: 11, shardIndex: 1, index: 0, timeSeconds: 0 }
  assert.ok(BigInt(encodeSequence(child)) > BigInt(encodeSequence(parent)))
})

test('what is not a sequence number is undefined', () => {
  const good = encodeSequence({ shardCreatedSeconds: 1, shardIndex: 1, index: 1, timeSeconds: 1 })
  const wrongVersion = (BigInt(good) + 1n).toString()
  for (const text of ['', '0', 'abc', `-${good}`, `${good}0`, good.slice(1), wrongVersion]) {
    assert.equal(decodeSequence(text), undefined, text)
  }
})
