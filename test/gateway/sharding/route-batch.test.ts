import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { HashKeyCache } from '../../../gateway/sharding/hash-key-cache.ts'
import { hashKeyOf } from '../../../gateway/engines/hash-key.ts'
import { SourceMarks } from '../../../gateway/sharding/repeat-marks.ts'
import { routeBatch } from '../../../gateway/sharding/route-batch.ts'
import { ShardMap } from '../../../gateway/sharding/shard-map.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { FakeEngine } from '../../support/fake-engine.ts'
import { batch } from './rig.ts'

async function mapOf(shards: number): Promise<ShardMap> {
  const engine = new FakeEngine({ clock: new ManualClock(), random: new SeededRandom(1) })
  await engine.create('s', { shards })
  return new ShardMap(await engine.describe('s'))
}

const hashes = new HashKeyCache()

test('a batch of one key is one part, taken whole', async () => {
  const map = await mapOf(4)
  const { parts } = routeBatch(batch(['k1', 'k1', 'k1'], 5), { map, hashes, marks: undefined })
  assert.deepEqual(
    parts.map(({ shard, indexes, records }) => ({ shard, indexes, records })),
    [{ shard: 2, indexes: undefined, records: 3 }]
  )
})

test('every chosen record goes to the shard of its key, or is a repeat by the marks of that shard', async () => {
  const map = await mapOf(4)
  const key = fc.integer({ min: 0, max: 9 }).map((n) => `key-${n}`)
  const seqs = fc.array(fc.nat({ max: 30 }), { minLength: 4, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(key, fc.boolean()), { minLength: 1, maxLength: 20 }),
      fc.option(seqs),
      fc.boolean(),
      async (records, stored, choose) => {
        const marks = new SourceMarks()
        stored?.forEach((seq, i) => marks.raise(map.open[i]?.id ?? '', seq))
        const chosen = records.flatMap(([, wanted], i) => (wanted || !choose ? [i] : []))
        const keys = records.map(([one]) => one)
        const selected = choose ? { selected: Uint32Array.from(chosen) } : {}
        const { parts, repeats } = routeBatch(batch(keys, 10, selected), {
          map,
          hashes,
          marks: stored ? marks : undefined
        })
        const expected = chosen.flatMap((i) => {
          const shard = map.indexOf(hashKeyOf(keys[i] as string))
          return 10 + i <= (stored?.[shard] ?? 0) ? [] : [{ i, shard }]
        })
        const routed = parts.flatMap(({ shard, indexes, records: count }) => {
          const list = [...(indexes ?? keys.keys())]
          assert.equal(list.length, count)
          assert.deepEqual(
            list,
            list.toSorted((a, b) => a - b)
          )
          return list.map((i) => ({ i, shard }))
        })
        assert.deepEqual(
          routed.sort((a, b) => a.i - b.i),
          expected
        )
        assert.equal(repeats, chosen.length - expected.length)
      }
    )
  )
})
