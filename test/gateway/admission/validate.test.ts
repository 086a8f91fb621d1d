import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { validate } from '../../../gateway/admission/validate.ts'
import { ColumnsBuilder } from '../../../shared/columns-builder.ts'
import type { HeadwaterError } from '../../../shared/errors.ts'
import { isPartitionKey } from '../../../shared/record.ts'
import { columns } from './columns.ts'

const limits = { maxRecordBytes: 10_000, offsetMs: 0 }

function builder() {
  return new ColumnsBuilder({ partitionKey: 'key', time: 0 })
}

test('a batch of good records selects all by leaving the selection out', () => {
  assert.deepEqual(validate(columns(['a', 'b', '']), limits), { rejects: [] })
})

test('a record with a bad key is rejected alone, naming the field', () => {
  const records = builder()
  records.add(Buffer.from('a'))
  records.add(Buffer.from('b'), { partitionKey: 'k'.repeat(257) })
  records.add(Buffer.from('c'), { partitionKey: '' })
  records.add(Buffer.from('d'), { partitionKey: '\ud800' })
  records.add(Buffer.from('e'))
  const { rejects, selected } = validate(records.build(), limits)
  assert.deepEqual(Array.from(selected ?? []), [0, 4])
  assert.deepEqual(
    rejects.map(({ index, code }) => [index, code]),
    [
      [1, 'invalid'],
      [2, 'invalid'],
      [3, 'invalid']
    ]
  )
  assert.match(rejects[0]?.message ?? '', /partitionKey/)
})

test('a record is too large by the byte when data, key and attributes are over the limit together', () => {
  const weigh = (bytes: number, attributes?: Record<string, string>) => {
    const records = builder()
    records.add(Buffer.alloc(bytes), { partitionKey: 'ключ', attributes })
    return validate(records.build(), limits).rejects.map((one) => one.code)
  }
  assert.deepEqual(weigh(10_000 - 8), [])
  assert.deepEqual(weigh(10_000 - 7), ['too_large'])
  assert.deepEqual(weigh(10_000 - 8 - 6 - 4, { ab: 'cd' }), [])
  assert.deepEqual(weigh(10_000 - 8 - 6 - 3, { ab: 'cd' }), ['too_large'])
})

test('a time that no date can hold is rejected, after the correction', () => {
  const records = builder()
  records.add(Buffer.from('a'), { time: 2 ** 52 - 1 })
  records.add(Buffer.from('b'), { time: -(2 ** 52 - 1) })
  const built = records.build()
  assert.deepEqual(validate(built, limits).rejects, [])
  const late = validate(built, { ...limits, offsetMs: 1 })
  assert.deepEqual(
    late.rejects.map((one) => one.index),
    [0]
  )
  assert.match(late.rejects[0]?.message ?? '', /time/)
})

test('more bad records than an answer can carry make the batch too large, so that it is split', () => {
  const bad = (count: number) => validate(columns(new Array(count).fill('x'), ''), limits)
  assert.equal(bad(256).rejects.length, 256)
  assert.throws(
    () => bad(257),
    (error: HeadwaterError) =>
      error.code === 'too_large' && /record 0: partitionKey/.test(error.message)
  )
})

test('rejects and selection part the records, whatever they are', () => {
  const record = fc.record({
    key: fc.string({ unit: 'binary', maxLength: 300 }),
    size: fc.integer({ min: 0, max: 120 }),
    time: fc.oneof(fc.integer(), fc.constant(9e15))
  })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 50 }), (list) => {
      const records = builder()
      for (const { key, size, time } of list) {
        records.add(Buffer.alloc(size), { partitionKey: key, time })
      }
      const built = records.build()
      const { rejects, selected } = validate(built, { maxRecordBytes: 100, offsetMs: 0 })
      const kept = Array.from(selected ?? built.lens.map((_, i) => i))
      const expected = list.flatMap(({ key, size, time }, i) =>
        isPartitionKey(key) && size + Buffer.byteLength(key) <= 100 && time < 9e15 ? [i] : []
      )
      assert.deepEqual(kept, expected)
      assert.equal(kept.length + rejects.length, list.length)
    })
  )
})
