import assert from 'node:assert/strict'
import test from 'node:test'
import { array, assert as check, constantFrom, integer, property } from 'fast-check'
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

test('a key is hashed again only when it is not one of the maxKeys used last', () => {
  const someKeys = array(constantFrom('a', 'b', 'c', 'd', 'é'), { maxLength: 40 })
  check(
    property(integer({ min: 1, max: 4 }), someKeys, (maxKeys, keys) => {
      let hashed = 0
      const cache = new HashKeyCache(maxKeys, (key) => {
        hashed += 1
        return hashKeyOf(key)
      })
      for (const [at, key] of keys.entries()) {
        const before = hashed
        assert.equal(cache.get(key), hashKeyOf(key))
        const usedLast = [...new Set(keys.slice(0, at).toReversed())].slice(0, maxKeys)
        assert.equal(hashed === before, usedLast.includes(key))
      }
    })
  )
})
