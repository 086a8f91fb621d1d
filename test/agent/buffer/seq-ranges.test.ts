import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SeqRanges } from '../../../agent/buffer/seq-ranges.ts'

const range = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.nat(8))
  .map(([from, more]) => [from, from + more] as const)

test('ranges hold what a set of numbers would hold', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (added) => {
      const ranges = new SeqRanges()
      const set = new Set<number>()
      for (const [from, to] of added) {
        const before = set.size
        for (let n = from; n <= to; n++) set.add(n)
        assert.equal(ranges.add(from, to), set.size - before)
      }
      const flat = ranges.ranges().flatMap(([from, to]) => {
        return Array.from({ length: to - from + 1 }, (_, i) => from + i)
      })
      assert.deepEqual(
        flat,
        [...set].sort((a, b) => a - b)
      )
      for (let n = 1; n < 70; n++) {
        let outside = n
        while (set.has(outside)) outside += 1
        assert.equal(ranges.nextOutside(n), outside)
      }
      // Neighbours are one range.
      ranges.ranges().forEach(([from], i, all) => {
        assert.ok(i === 0 || from > (all[i - 1]?.[1] ?? 0) + 1)
      })
    })
  )
})

test('an empty range adds nothing', () => {
  const ranges = new SeqRanges()
  assert.equal(ranges.add(5, 4), 0)
  assert.deepEqual(ranges.ranges(), [])
})
