import assert from 'node:assert/strict'
import test from 'node:test'
import { AggregateRow } from '../../../gateway/sharding/aggregate-row.ts'
import { HashKeyCache } from '../../../gateway/sharding/hash-key-cache.ts'
import { entryBytes, type Parcel, type Run } from '../../../gateway/sharding/parcel.ts'
import { payloadUnitsPer1000 } from '../../../gateway/sharding/payload-units.ts'
import { PendingBatch } from '../../../gateway/sharding/pending-batch.ts'
import { sourceKey } from '../../../shared/kpl/kpl.ts'
import { offsetsOf } from '../../../shared/record.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { source } from './rig.ts'

const unit = 25_000
const limit = { entries: 500, bytes: 10 * 1024 * 1024 }

function newRow(maxBytes = 1024 * 1024 - 1): AggregateRow {
  const hashes = new HashKeyCache()
  return new AggregateRow({
    maxBytes: () => maxBytes,
    perKey: false,
    sharing: 'none',
    hashes,
    unitBytes: unit - 1
  })
}

let nextSeq = 1

function runOf(sizes: readonly number[]): Run {
  const lens = Uint32Array.from(sizes)
  const first = nextSeq
  nextSeq += sizes.length
  return {
    records: {
      keys: ['k'],
      times: Float64Array.from(sizes, () => 1_700_000_000_000),
      lens,
      data: Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0))
    },
    offsets: offsetsOf(lens),
    source,
    sourceKey: sourceKey(source),
    first,
    offsetMs: 0,
    batch: new PendingBatch(1, sizes.length),
    repeatable: true
  }
}

/** Takes what is full, and at last also what is not. */
function takeFull(row: AggregateRow): Parcel[] {
  const taken: Parcel[] = []
  while (row.full) taken.push(...row.shift(limit))
  return taken
}

function unitsOf(parcels: readonly Parcel[]): number {
  return parcels.reduce((sum, parcel) => sum + Math.ceil(entryBytes(parcel) / unit), 0)
}

function emptyPart(parcel: Parcel): number {
  const units = Math.ceil(entryBytes(parcel) / unit)
  return units - entryBytes(parcel) / unit
}

test('an aggregate that is followed by more leaves at most a tenth of its last unit empty', (t) => {
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  for (const largest of [200, 5_000, 30_000]) {
    const row = newRow()
    const parcels: Parcel[] = []
    let records = 0
    for (let i = 0; i < 200; i++) {
      const sizes = Array.from({ length: 1 + random.below(20) }, () => random.below(largest))
      records += sizes.length
      row.add(runOf(sizes), 0)
      if (random.below(3) === 0) parcels.push(...takeFull(row))
    }
    parcels.push(...takeFull(row))
    const rest = row.drain()
    // Near the largest aggregate the next record may not fit.
    const filled = parcels.filter((parcel) => entryBytes(parcel) < 1_025_000 - 30_000)
    // Each unit is filled to one byte below it, which is for the key.
    for (const parcel of filled) {
      assert.ok(emptyPart(parcel) <= 0.1 + 41 / unit, `${entryBytes(parcel)} bytes`)
    }
    const bytes = [...parcels, ...rest].reduce((sum, parcel) => sum + entryBytes(parcel), 0)
    assert.ok(unitsOf(parcels) + unitsOf(rest) <= Math.ceil((bytes * 1.1) / unit) + 1)
    assert.equal(
      [...parcels, ...rest].reduce((sum, parcel) => sum + parcel.records, 0),
      records
    )
  }
})

test('a burst leaves in one aggregate up to its last multiple; what is over waits for more', () => {
  const row = newRow()
  row.add(runOf(Array.from({ length: 1300 }, () => 200)), 0)
  const [first, ...others] = takeFull(row)
  assert.ok(first && others.length === 0)
  assert.equal(Math.ceil(entryBytes(first) / unit), 10)
  assert.ok(row.records > 0 && row.bytes < 3 * unit)
})

test('aggregates grow while others wait, so that a far shard is sent what it takes', () => {
  const row = newRow()
  for (let i = 0; i < 20_000; i++) row.add(runOf([200]), 0)
  const units = takeFull(row).map((parcel) => Math.ceil(entryBytes(parcel) / unit))
  assert.deepEqual(units.slice(0, 5), [1, 2, 4, 8, 16])
})

test('a record that is larger than a unit takes others along to the next multiple', () => {
  const row = newRow()
  row.add(runOf([30_000]), 0)
  row.add(runOf(Array.from({ length: 100 }, () => 200)), 0)
  const [parcel] = takeFull(row)
  assert.ok(parcel)
  assert.ok(parcel.records > 90)
  assert.equal(Math.ceil(entryBytes(parcel) / unit), 2)
})

test('no aggregate is larger than allowed, also where less than a unit is', () => {
  for (const maxBytes of [10_000, 60_000]) {
    const row = newRow(maxBytes)
    for (let i = 0; i < 1000; i++) row.add(runOf([300]), 0)
    for (const parcel of takeFull(row)) assert.ok(parcel.data.length <= maxBytes)
  }
})

test('payload units for 1,000 records are those of the lanes that are billed', () => {
  const lane = { stream: 's', shard: 'x', queuedBytes: 0, queuedRecords: 0, throttles: 0 }
  const put = { ...lane, putBytes: 0, puts: 1 }
  assert.equal(payloadUnitsPer1000([{ ...put, putRecords: 9, payloadUnits: 0 }]), undefined)
  assert.equal(
    payloadUnitsPer1000([
      { ...put, putRecords: 9, payloadUnits: 0 },
      { ...put, putRecords: 200, payloadUnits: 2 }
    ]),
    10
  )
})
