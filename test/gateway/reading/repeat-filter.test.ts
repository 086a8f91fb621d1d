import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RepeatFilter } from '../../../gateway/reading/repeat-filter.ts'
import { hashKeyOf, hashSpace } from '../../../gateway/engines/hash-key.ts'
import type { HashRange } from '../../../gateway/engines/engine.ts'
import { decodeAggregate, digestOf } from '../../../shared/kpl/deaggregate.ts'
import { aggregateOf, sourceOf } from '../../support/aggregates.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const everything: HashRange = { start: 0n, end: hashSpace - 1n }

interface Sent {
  readonly device: string
  readonly seq: number
  /** Absent: the name of the device. */
  readonly key?: string
}

/** Whether the filter takes an aggregate of one record for new. */
function isNew(filter: RepeatFilter, { device, seq, key: partitionKey = device }: Sent): boolean {
  const member = { source: sourceOf(device), seq, partitionKey, text: '' }
  const data = aggregateOf([member], hashKeyOf(partitionKey).toString())
  const members = decodeAggregate(data)
  assert.ok(members)
  return [...filter.newOf(members, digestOf(data))].length > 0
}

/** A shard split at `at` and merged again. */
function splitAndMerged(filter: RepeatFilter, at: bigint, maxMarks: number): RepeatFilter {
  const low = RepeatFilter.inherit({ start: 0n, end: at - 1n }, [filter], maxMarks)
  const high = RepeatFilter.inherit({ start: at, end: everything.end }, [filter], maxMarks)
  return RepeatFilter.inherit(everything, [low, high], maxMarks)
}

function knownIn(filter: RepeatFilter): number[] {
  const count = (what: 'marks' | 'aggregates') =>
    filter.ranges.reduce((sum, range) => sum + [...range[what]].length, 0)
  return [count('marks'), count('aggregates')]
}

test('what is known of a shard is bounded over all its ranges, through splits and merges without end', () => {
  const maxMarks = 200
  const random = new SeededRandom(1)
  let filter = RepeatFilter.inherit(everything, [], maxMarks)
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 50; i++) isNew(filter, { device: `device-${round}-${i}`, seq: 1 })
    const at = 2n + (BigInt(random.below(2 ** 31)) << 96n)
    filter = splitAndMerged(filter, at, maxMarks)
  }
  assert.equal(filter.ranges.length, 41)
  for (const known of knownIn(filter)) assert.ok(known > 100 && known <= maxMarks, `${known}`)
})

test('a child that knows less than its parent forgets the sources that were silent for longest', () => {
  let filter = RepeatFilter.inherit(everything, [], 4)
  for (const device of ['a', 'b', 'c', 'd']) isNew(filter, { device, seq: 1 })
  isNew(filter, { device: 'a', seq: 2 })
  filter = splitAndMerged(filter, hashSpace / 2n, 4)
  assert.equal(isNew(filter, { device: 'a', seq: 2 }), false)
  assert.equal(isNew(filter, { device: 'd', seq: 1 }), false)
  assert.equal(isNew(filter, { device: 'b', seq: 1 }), true)
})

test('a checkpoint that knows more than the bound comes within it with the next record', () => {
  const more = RepeatFilter.inherit(everything, [], 100)
  for (let i = 0; i < 50; i++) isNew(more, { device: `device-${i}`, seq: 1 })
  const filter = new RepeatFilter(more.ranges, 10)
  assert.equal(isNew(filter, { device: 'device-49', seq: 1 }), false)
  isNew(filter, { device: 'device-50', seq: 1 })
  assert.deepEqual(knownIn(filter), [10, 10])
  assert.equal(isNew(filter, { device: 'device-49', seq: 1 }), false)
})

test('after a merge the numbers of one parent say nothing of the keys of the other', () => {
  const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)
  const at = hashSpace / 2n
  const low = keys.find((key) => hashKeyOf(key) < at) ?? ''
  const high = keys.find((key) => hashKeyOf(key) >= at) ?? ''
  const [left, right] = [
    RepeatFilter.inherit({ start: 0n, end: at - 1n }, [], 100),
    RepeatFilter.inherit({ start: at, end: everything.end }, [], 100)
  ]
  isNew(left, { device: 'pi', seq: 1, key: low })
  isNew(right, { device: 'pi', seq: 9, key: high })
  const merged = RepeatFilter.inherit(everything, [left, right], 100)
  // Packed for the parent before the merge, it comes only now.
  assert.equal(isNew(merged, { device: 'pi', seq: 2, key: low }), true)
  assert.equal(isNew(merged, { device: 'pi', seq: 9, key: high }), false)
})
