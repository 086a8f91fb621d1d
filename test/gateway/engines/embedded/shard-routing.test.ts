import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashKeyOf } from '../../../../gateway/engines/hash-key.ts'
import { shardIdOf } from '../../../../gateway/engines/shard-id.ts'
import { ShardTable } from '../../../../gateway/engines/embedded/shard-table.ts'

const moment = { atIndex: 0, ageMs: 0, wallSeconds: 0 }

test('every hash key is in the range of the open shard that is found for it', () => {
  const hash = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })
  const splits = fc.array(fc.nat(), { maxLength: 20 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), splits, fc.array(hash), (count, picks, hashes) => {
      let table = ShardTable.uniform(count, 0)
      for (const pick of picks) {
        const open = table.rows.filter((row) => !row.closed)
        table = table.split(shardIdOf(open[pick % open.length]?.index ?? 0), undefined, moment)
      }
      const bounds = table.rows.flatMap(({ range }) => [range.start, range.end])
      for (const one of [...hashes, ...bounds]) {
        const row = table.openAt(one)
        assert.ok(!row.closed && row.range.start <= one && one <= row.range.end)
      }
    })
  )
})

test('keys fall where Amazon Kinesis puts them', () => {
  const table = ShardTable.uniform(4, 0)
  const vectors = [
    ['a', 16955237001963240173058271559858726497n, 0],
    ['k1', 242208671286853988395785178707875403226n, 2],
    ['k2', 129444150167719404002017707097629467898n, 1],
    ['device-0001', 118565459389455887580122100116841712193n, 1],
    ['é', 136732923097551493579404309126273812335n, 1]
  ] as const
  for (const [key, hash, index] of vectors) {
    assert.equal(hashKeyOf(key), hash)
    assert.equal(table.openAt(hash).index, index)
  }
})
