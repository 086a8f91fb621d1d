import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashKeyOf } from '../../../../../../../gateway/engines/hash-key.ts'
import { KeyTable } from '../../../../../../../gateway/engines/embedded/wire/data/plain-put/key-table.ts'

function find(table: KeyTable, text: string) {
  return table.find(Buffer.from(`"${text}"`), 1)
}

test('a key that comes again is known, and has the hash that Kinesis gives it', () => {
  const table = new KeyTable()
  const first = find(table, 'device-1')
  assert.deepEqual(first, { text: 'device-1', hash: hashKeyOf('device-1') })
  assert.equal(find(table, 'device-1'), first)
})

test('a key that takes the place of another is not taken for it, and 16,384 are remembered at most', () => {
  const table = new KeyTable()
  const keys = Array.from({ length: 40_000 }, (_, i) => `device-${i}`)
  const found = keys.map((key) => find(table, key))
  assert.deepEqual(
    found.map((one) => one?.text),
    keys
  )
  const known = found.filter((one, i) => find(table, keys[i] ?? '') === one).length
  assert.ok(known <= 16_384, `${known} are remembered`)
})
