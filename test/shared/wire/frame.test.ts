import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeCbor } from '../../../shared/wire/cbor.ts'
import { decodeFrame, encodeFrame } from '../../../shared/wire/frame.ts'
import { recordColumns } from '../../support/arbitraries.ts'

const good = {
  keys: ['k'],
  times: [1_700_000_000_000, 5],
  lens: new Uint32Array([2, 1]),
  data: Buffer.from('abc')
}

test('a frame decodes to the columns it was made of', () => {
  fc.assert(
    fc.property(recordColumns, (records) => {
      assert.deepEqual(decodeFrame(encodeFrame(records)), records)
    })
  )
})

test('times are the first absolute, then each less the one before it', () => {
  const { times } = decodeFrame(encodeCbor(good))
  assert.deepEqual([...times], [1_700_000_000_000, 1_700_000_000_005])
})

test('the data of a decoded frame is a view of its body, not a copy', () => {
  const body = encodeCbor(good)
  assert.equal(decodeFrame(body).data.buffer, body.buffer)
})

for (const [field, value, problem] of [
  ['keys', [], 'at least one'],
  ['keys', 'k', 'array'],
  ['keys', [1], 'text'],
  ['key', [0], '2 entries'],
  ['key', [0, 1], 'outside'],
  ['key', [0, -1], 'integers'],
  ['times', [1], '2 entries'],
  ['times', [1, 'x'], 'integers'],
  ['times', [1, 0.5], 'integers'],
  ['times', [2 ** 52, 2 ** 53 - 1], 'out of range'],
  ['lens', [2, 2], 'add up'],
  ['lens', 'abc', 'array'],
  ['data', 'abc', 'byte string'],
  ['attrs', [null], '2 entries'],
  ['attrs', [null, { a: 1 }], 'text to text']
] as const) {
  test(`a frame with ${field} = ${JSON.stringify(value)} is refused, naming the field`, () => {
    assert.throws(() => decodeFrame(encodeCbor({ ...good, [field]: value })), {
      code: 'invalid',
      message: new RegExp(`"${field}".*${problem}`)
    })
  })
}

test('a frame that is no map, cut short or empty is refused', () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from([0x80]), encodeCbor(good).subarray(0, 20)]) {
    assert.throws(() => decodeFrame(bytes), { code: 'invalid' })
  }
})

test('an array that announces more than it holds is refused before it is allocated', () => {
  const bomb = Buffer.concat([Buffer.from('a1646b6579739a00ffffff', 'hex')])
  assert.throws(() => decodeFrame(bomb), { code: 'invalid' })
})
