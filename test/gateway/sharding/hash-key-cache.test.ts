import assert from 'node:assert/strict'
import test from 'node:test'
import { HashKeyCache } from '../../../gateway/sharding/hash-key-cache.ts'
import { hashKeyOf } from '../../../gateway/engines/hash-key.ts'

test('hash keys are the MD5 of the UTF-8 key as a big-endian number', () => {
  const vectors: readonly (readonly [string, bigint])[] = [
    ['a', 16955237001963240173058271559858726497n],
    ['k1', 242208671286853988395785178707875403226n],
    ['k2', 129444150167719404002017707097629467898n],
    ['device-0001', 118565459389455887580122100116841712193n],
    ['é', 136732923097551493579404309126273812335n]
  ]
  for (const [key, hash] of vectors) assert.equal(hashKeyOf(key), hash, key)
})

test('the cache holds at most maxKeys keys and forgets the one not used longest', () => {
  const cache = new HashKeyCache(2)
  for (const key of ['a', 'b', 'a', 'c']) assert.equal(cache.get(key), hashKeyOf(key))
  assert.deepEqual(cache.keys(), ['a', 'c'])
})
