import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { AggregateWriter, runLength } from '../../../shared/kpl/aggregate-writer.ts'
import { decodeAggregate } from '../../../shared/kpl/deaggregate.ts'
import type { ClockedSource, SequenceSource } from '../../../shared/kpl/kpl.ts'
import { type ClockState, clockStates } from '../../../shared/wire/batch.ts'
import { member, type PlainMember, runOf, source } from './columns.ts'

const hashKey = '340282366920938463463374607431768211455'
const device: SequenceSource = { device: 'pi', epoch: 'a'.repeat(32), lane: 0 }

interface PlainRun {
  readonly members: readonly PlainMember[]
  readonly source: SequenceSource
  readonly clock?: ClockState | undefined
  readonly first: number
}

const plainRun: fc.Arbitrary<PlainRun> = fc.record({
  members: fc.array(member, { minLength: 1, maxLength: 20 }),
  source,
  clock: fc.option(fc.constantFrom(...clockStates), { nil: undefined }),
  first: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 100 })
})

/** All runs as aggregates, each checked against its announced size. */
function aggregate(runs: readonly PlainRun[], maxBytes: number): Buffer[] {
  const writer = new AggregateWriter(maxBytes)
  const aggregates: Buffer[] = []
  const close = () => {
    const announced = writer.bytes
    const bytes = writer.finish()
    assert.equal(bytes.length, announced)
    aggregates.push(bytes)
  }
  for (const { members, source, clock, first } of runs) {
    const run = { ...runOf(members, source, first), clock }
    let at = 0
    while (at < runLength(run)) {
      if (writer.count === 0) writer.begin(hashKey)
      at = writer.add(run, at, runLength(run))
      if (at < runLength(run)) close()
    }
  }
  if (writer.count > 0) close()
  return aggregates
}

interface Flat extends PlainMember {
  readonly source: ClockedSource
  readonly seq: number
}

function flatten(aggregates: readonly Buffer[]): Flat[] {
  return aggregates.flatMap((bytes) => {
    const members = decodeAggregate(bytes)
    assert.ok(members?.extra)
    const { extra } = members
    assert.deepEqual(members.explicitHashKeys, [hashKey])
    return members.data.map((data, i) => ({
      partitionKey: members.partitionKeys[members.partitionKey[i] as number] as string,
      data,
      time: extra.times[i] as number,
      attributes: extra.attributes?.[i] ?? null,
      source: extra.sources[extra.source[i] as number] as ClockedSource,
      seq: extra.seqs[i] as number
    }))
  })
}

test('what is read back is what was added, whatever the runs and the limit', () => {
  fc.assert(
    fc.property(
      fc.array(plainRun, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 100, max: 5000 }),
      (runs, maxBytes) => {
        const aggregates = aggregate(runs, maxBytes)
        const expected = runs.flatMap(({ members, source, clock, first }) =>
          members.map((one, i) => ({
            ...one,
            source: clock ? { ...source, clock } : source,
            seq: first + i
          }))
        )
        assert.deepEqual(flatten(aggregates), expected)
        for (const bytes of aggregates) {
          const single = decodeAggregate(bytes)?.count === 1
          assert.ok(single || bytes.length <= maxBytes, `${bytes.length} > ${maxBytes}`)
        }
      }
    )
  )
})

test('writers that take turns, each at another batch, mix up no keys', () => {
  const batches = [
    ['a', 'b', 'c'],
    ['c', 'a']
  ].map((keys, i) =>
    runOf(
      keys.map((partitionKey) => ({
        partitionKey,
        data: Buffer.from(partitionKey + i),
        time: 0,
        attributes: null
      })),
      device,
      1 + i * 10
    )
  )
  const writers = [new AggregateWriter(1e6), new AggregateWriter(1e6)]
  for (const writer of writers) writer.begin(hashKey)
  for (const run of batches) for (const writer of writers) writer.add(run, 0, runLength(run))
  for (const writer of writers) {
    const read = flatten([writer.finish()]).map((one) => [one.partitionKey, one.data.toString()])
    assert.deepEqual(read, [
      ['a', 'a0'],
      ['b', 'b0'],
      ['c', 'c0'],
      ['c', 'c1'],
      ['a', 'a1']
    ])
  }
})

test('an aggregate is filled to within the cost of one record', () => {
  const members = Array.from({ length: 3000 }, () => ({
    partitionKey: 'k',
    data: Buffer.alloc(200),
    time: 1_700_000_000_000,
    attributes: null
  }))
  const [first] = aggregate([{ members, source: device, first: 1 }], 100_000)
  assert.ok(first && first.length > 100_000 - 300, `${first?.length}`)
})

test('a run of chosen records takes those and their numbers', () => {
  const members = ['a', 'b', 'c', 'd'].map((text, i) => ({
    partitionKey: text,
    data: Buffer.from(text.repeat(i)),
    time: i,
    attributes: null
  }))
  const writer = new AggregateWriter(1000)
  writer.begin(hashKey)
  const run = { ...runOf(members, device, 10), indexes: Uint32Array.of(1, 3), offsetMs: 100 }
  assert.equal(writer.add(run, 0, 2), 2)
  const decoded = decodeAggregate(writer.finish())
  assert.deepEqual(decoded?.partitionKeys, ['b', 'd'])
  assert.deepEqual(decoded?.data.map(String), ['b', 'ddd'])
  assert.deepEqual([...(decoded?.extra?.seqs ?? [])], [11, 13])
  assert.deepEqual([...(decoded?.extra?.times ?? [])], [101, 103])
})

test('one record larger than the limit is an aggregate of its own', () => {
  const big = { partitionKey: 'k', data: Buffer.alloc(5000, 1), time: 0, attributes: null }
  const aggregates = aggregate([{ members: [big, big], source: device, first: 1 }], 1000)
  assert.deepEqual(
    aggregates.map((bytes) => decodeAggregate(bytes)?.count),
    [1, 1]
  )
})

test('an aggregate has at most 100000 members, so that its columns can be read back', () => {
  const nothing = { partitionKey: 'k', data: Buffer.alloc(0), time: 0, attributes: null }
  const members = Array.from({ length: 100_001 }, (): PlainMember => nothing)
  const aggregates = aggregate([{ members, source: device, first: 1 }], 10_000_000)
  assert.deepEqual(
    aggregates.map((bytes) => decodeAggregate(bytes)?.extra?.seqs.length),
    [100_000, 1]
  )
})

test('a plain member costs 10 bytes besides its data', () => {
  const one = { partitionKey: 'k', data: Buffer.alloc(100), time: 5, attributes: null }
  const members = Array.from({ length: 20 }, (): PlainMember => one)
  const [ten] = aggregate([{ members: members.slice(0, 10), source: device, first: 1 }], 1e6)
  const [eleven] = aggregate([{ members: members.slice(0, 11), source: device, first: 1 }], 1e6)
  assert.ok(ten && eleven)
  assert.equal(eleven.length - ten.length, 100 + 10)
})
