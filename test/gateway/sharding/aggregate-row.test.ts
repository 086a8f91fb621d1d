import assert from 'node:assert/strict'
import test from 'node:test'
import { AggregateRow } from '../../../gateway/sharding/aggregate-row.ts'
import { HashKeyCache } from '../../../gateway/sharding/hash-key-cache.ts'
import { runsOf } from '../../../gateway/sharding/loose-records.ts'
import { heldBytes, type Run } from '../../../gateway/sharding/parcel.ts'
import { PendingBatch } from '../../../gateway/sharding/pending-batch.ts'
import { sourceKey } from '../../../shared/kpl/kpl.ts'
import { offsetsOf } from '../../../shared/record.ts'
import { cpuMsOf } from '../../support/cpu-time.ts'
import { members, source } from './rig.ts'

const limit = { entries: 500, bytes: 1024 * 1024 }

function row(sharing: 'all' | 'none'): AggregateRow {
  return new AggregateRow({
    maxBytes: () => 1e6,
    perKey: true,
    sharing,
    hashes: new HashKeyCache()
  })
}

/** Records of one byte with as many partition keys as given, in order. */
function manyKeys(count: number): Run {
  const lens = new Uint32Array(count).fill(1)
  const key = Uint32Array.from(lens, (_, i) => i)
  return {
    records: {
      keys: Array.from(lens, (_, i) => `key-${i}`),
      key,
      times: new Float64Array(count),
      lens,
      data: Buffer.alloc(count, 'x')
    },
    offsets: offsetsOf(lens),
    source,
    sourceKey: sourceKey(source),
    first: 1,
    offsetMs: 0,
    batch: new PendingBatch(1, count),
    repeatable: true
  }
}

test('a hundred thousand keys in one batch take time by their number, not by its square', () => {
  const count = 100_000
  const perKey = row('all')
  let taken = 0
  const cpuMs = cpuMsOf(() => {
    perKey.add(manyKeys(count), 0)
    while (perKey.records > 0) {
      assert.ok(perKey.bytes > 0)
      const parcels = perKey.shift(limit)
      assert.ok(parcels.length > 0 && parcels.length <= limit.entries)
      taken += parcels.length
    }
  })
  assert.equal(taken, count)
  assert.ok(cpuMs < 10_000, `${cpuMs} ms; about one second where it is linear`)
})

test('records keep the state of their clock when an aggregate is packed anew', () => {
  const anew = () =>
    new AggregateRow({
      maxBytes: () => 1e6,
      perKey: false,
      sharing: 'all',
      hashes: new HashKeyCache()
    })
  const first = anew()
  first.add({ ...manyKeys(2), clock: 'ntp' }, 0)
  first.add({ ...manyKeys(2), first: 3, clock: 'unsynced' }, 0)
  const [parcel] = first.drain()
  assert.ok(parcel)
  const second = anew()
  for (const run of runsOf(parcel.unpack())) second.add(run, 0)
  const clocks = second.drain().flatMap((one) => one.unpack().map(({ source }) => source.clock))
  assert.deepEqual(clocks, ['ntp', 'ntp', 'unsynced', 'unsynced'])
  assert.equal(parcel.marks.length, 1)
})

test('what a row says it holds is what its parcels hold, however they come and go', () => {
  const perKey = row('all')
  perKey.add(manyKeys(5), 0)
  const first = perKey.shift({ entries: 2, bytes: 1e6 })
  assert.deepEqual([first.length, perKey.records], [2, 3])
  perKey.unshift(first)
  const { bytes } = perKey
  assert.equal(perKey.records, 5)
  const all = perKey.drain()
  assert.equal(
    bytes,
    all.reduce((sum, parcel) => sum + heldBytes(parcel), 0)
  )
  assert.deepEqual(members(all), ['x', 'x', 'x', 'x', 'x'])
  assert.deepEqual([perKey.records, perKey.bytes, perKey.full], [0, 0, false])
})
