import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type Block,
  decodeIndex,
  decodeMarks,
  isIntact,
  packBlock,
  raiseMarks
} from '../../../../gateway/engines/embedded/block.ts'
import type { PutEntry } from '../../../../gateway/engines/engine.ts'

const entry = fc.record({
  partitionKey: fc.oneof(fc.constantFrom('a', '0', '__proto__'), fc.string({ minLength: 1 })),
  data: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
  marks: fc.array(
    fc.record({
      source: fc.constantFrom('d/e/0', 'd/e/1', '__proto__', '12'),
      seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
    }),
    { maxLength: 3 }
  )
})
const entries = fc.array(entry, { minLength: 1, maxLength: 20 })

type Entry = Pick<PutEntry, 'partitionKey' | 'data' | 'marks'>

function pack(list: readonly Entry[]): Block {
  const place = { first: 2 ** 45, shard: 3, count: list.length, arrivalMs: 1.7e12, ageMs: 5 }
  const records = {
    keys: list.map((one) => one.partitionKey),
    lens: list.map((one) => one.data.length),
    pieces: list.map((one) => one.data)
  }
  return packBlock(place, records, highestMarks(list))
}

function highestMarks(list: readonly Entry[]): Map<string, number> {
  const highest = new Map<string, number>()
  for (const { marks } of list) raiseMarks(highest, marks)
  return highest
}

test('keys, data and the highest marks come back as they were packed', () => {
  fc.assert(
    fc.property(entries, (list) => {
      const block = pack(list)
      assert.ok(isIntact(block))
      const { keys, key, lens } = decodeIndex(block.index)
      let at = 0
      list.forEach((one, i) => {
        assert.equal(keys[key?.[i] ?? 0], one.partitionKey)
        const end = at + (lens[i] ?? 0)
        assert.ok(block.data.subarray(at, end).equals(one.data))
        at = end
      })
      assert.equal(at, block.data.length)
      const marks = new Map(decodeMarks(block.marks)?.map((mark) => [mark.source, mark.seq]))
      assert.deepEqual(marks, highestMarks(list))
    })
  )
})

test('any one flipped bit in place, index or data is noticed', () => {
  const damage = fc.record({
    part: fc.constantFrom('index', 'data', 'first', 'shard', 'count', 'arrivalMs', 'ageMs'),
    bit: fc.nat()
  })
  fc.assert(
    fc.property(entries, damage, (list, { part, bit }) => {
      const block = pack(list)
      if (part === 'index' || part === 'data') {
        fc.pre(block[part].length > 0)
        assert.ok(!isIntact({ ...block, [part]: flip(block[part], bit) }))
      } else {
        const place = part
        assert.ok(!isIntact({ ...block, [place]: block[place] + 2 ** (bit % 20) }))
      }
    })
  )
})

test('any one flipped bit in the marks is noticed', () => {
  fc.assert(
    fc.property(entries, fc.nat(), (list, bit) => {
      const { marks } = pack(list)
      fc.pre(marks.length > 0)
      assert.equal(decodeMarks(flip(marks, bit)), undefined)
    })
  )
})

function flip(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = (bit >> 3) % copy.length
  copy[at] = (copy[at] as number) ^ (1 << (bit & 7))
  return copy
}
