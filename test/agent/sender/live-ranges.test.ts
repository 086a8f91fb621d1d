import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LiveRanges } from '../../../agent/sender/live-ranges.ts'

const end = Number.MAX_SAFE_INTEGER

/** Ranges from how many numbers lie in each stretch, by turns backlog and live. */
function rangesOf(lengths: readonly number[]): [number, number][] {
  let at = 0
  return lengths.flatMap((length, i): [number, number][] => {
    const from = at + 1
    at += length
    return i % 2 === 0 ? [] : [[from, at]]
  })
}

test('each number is in one lane, its predecessor is the last one before it there, and next finds all', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 9 })
  const property = fc.property(lengths, (stretches) => {
    const ranges = rangesOf(stretches)
    const live = new LiveRanges(ranges, end)
    const last = { 0: 0, 1: 0 }
    for (let seq = 1; seq <= 40; seq++) {
      const lane = live.laneOf(seq)
      assert.equal(
        lane === 0,
        ranges.some(([from, to]) => from <= seq && seq <= to)
      )
      assert.equal(live.prev(seq), last[lane])
      assert.equal(live.next(lane, last[lane] + 1)?.[0], seq)
      last[lane] = seq
    }
  })
  fc.assert(property)
})

test('what never left is backlog from the jump on, and what left stays live', () => {
  const live = LiveRanges.of(undefined, undefined)
  live.leave(10)
  assert.deepEqual(live.jump(20)?.ranges(), [
    [1, 10],
    [20, end]
  ])
  assert.deepEqual(live.cut().ranges(), [[1, 10]])
  assert.deepEqual(LiveRanges.of(undefined, undefined).jump(7)?.ranges(), [[7, end]])
})

test('a record that is closed goes on behind what left; one that is open may have left up to the newest', () => {
  const closed = LiveRanges.of([[5, 9]], 30)
  assert.deepEqual([closed.hasLeft(9), closed.hasLeft(10), closed.laneOf(10)], [true, false, 0])
  const open = LiveRanges.of([[5, end]], 30)
  assert.deepEqual([open.hasLeft(30), open.hasLeft(31)], [true, false])
  const older = LiveRanges.of([[5, 9]], undefined)
  assert.deepEqual([older.hasLeft(9), older.laneOf(10)], [true, 1])
})

test('at 256 ranges the newest overtakes no more, until what is final is forgotten', () => {
  let live = LiveRanges.of(undefined, undefined)
  let seq = 0
  for (;;) {
    live.leave(seq + 1)
    seq += 10
    const next = live.jump(seq)
    if (!next) break
    live = next
  }
  assert.equal(live.ranges().length, 256)
  assert.equal(live.forget(seq - 100).ranges().length, 10)
  assert.ok(live.forget(seq - 100).jump(seq))
})
