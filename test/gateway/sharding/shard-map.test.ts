import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Shard, StreamDescription } from '../../../gateway/engines/engine.ts'
import { hashKeyOf, hashSpace } from '../../../gateway/engines/hash-key.ts'
import { ShardMap } from '../../../gateway/sharding/shard-map.ts'

function describe(shards: readonly Shard[]): StreamDescription {
  return {
    stream: 's',
    shards,
    version: 1,
    maxRecordBytes: 1,
    maxPutEntries: 1,
    maxPutBytes: 1,
    distribution: 'key'
  }
}

/** Open shards whose ranges begin at the given keys. */
function tiles(starts: readonly bigint[]): Shard[] {
  return starts.map((start, i) => ({
    id: `shard-${i}`,
    range: { start, end: (starts[i + 1] ?? hashSpace) - 1n },
    parents: [],
    open: true
  }))
}

const quarter = hashSpace / 4n
const four = tiles([0n, quarter, 2n * quarter, 3n * quarter])

test('keys go to the shards that Kinesis puts them in', () => {
  const map = new ShardMap(describe(four))
  const expected = { a: 0, k1: 2, k2: 1, 'device-0001': 1, é: 1 }
  for (const [key, shard] of Object.entries(expected)) {
    assert.equal(map.indexOf(hashKeyOf(key)), shard, key)
  }
})

test('the shard found is the one whose range holds the hash key, for any ranges', () => {
  const hash = fc.bigInt({ min: 0n, max: hashSpace - 1n })
  fc.assert(
    fc.property(fc.uniqueArray(hash, { maxLength: 40 }), hash, (cuts, wanted) => {
      const starts = [...new Set([0n, ...cuts])].sort((a, b) => (a < b ? -1 : 1))
      const map = new ShardMap(describe(tiles(starts).reverse()))
      for (const one of [wanted, ...starts, hashSpace - 1n]) {
        const range = map.open[map.indexOf(one)]?.range
        assert.ok(range && range.start <= one && one <= range.end)
      }
    })
  )
})

test('open shards that do not tile the hash space are refused as unavailable', () => {
  const [first, second, third, fourth] = four as [Shard, Shard, Shard, Shard]
  for (const shards of [[], [first, second, fourth], [second, third, fourth], four.slice(0, 3)]) {
    assert.throws(() => new ShardMap(describe(shards)), { code: 'unavailable' })
  }
})

test('a parent that is listed as open beside its children is refused, wherever it stands', () => {
  for (const [at, { id, range }] of four.entries()) {
    const middle = (range.start + range.end) / 2n
    const children = [
      { start: range.start, end: middle },
      { start: middle + 1n, end: range.end }
    ].map((part, i) => ({ id: `${id}-${i}`, range: part, parents: [id], open: true }))
    const shards = [...four, ...children]
    assert.throws(() => new ShardMap(describe(shards)), { code: 'unavailable' }, `shard ${at}`)
    assert.throws(() => new ShardMap(describe(shards.reverse())), { code: 'unavailable' })
  }
})

test('closed shards cover their range too, expired ones nothing', () => {
  const parent: Shard = { ...(four[0] as Shard), id: 'parent', open: false }
  const map = new ShardMap(describe([parent, ...four]))
  assert.equal(map.open.length, 4)
  assert.ok(map.covers('parent', quarter - 1n))
  assert.ok(!map.covers('parent', quarter))
  assert.ok(!map.covers('expired', 0n))
})
