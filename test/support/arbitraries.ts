import fc from 'fast-check'
import type { RecordColumns } from '../../shared/record.ts'

/** Any well-formed partition key. */
export const partitionKeys = fc
  .string({ unit: 'grapheme-composite', minLength: 1, maxLength: 40 })
  .filter((key) => [...key].length <= 256 && key.length > 0)

const oneRecord = fc.record({
  key: fc.nat(4),
  time: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  data: fc.uint8Array({ maxLength: 60 }),
  attributes: fc.option(fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 })), {
    nil: null
  })
})

/** Columns of 1 to 40 small records over a few keys. */
export const recordColumns: fc.Arbitrary<RecordColumns> = fc
  .record({
    keys: fc.uniqueArray(partitionKeys, { minLength: 5, maxLength: 5 }),
    records: fc.array(oneRecord, { minLength: 1, maxLength: 40 }),
    withAttributes: fc.boolean()
  })
  .map(({ keys, records, withAttributes }) => ({
    keys,
    key: Uint32Array.from(records, (record) => record.key),
    times: Float64Array.from(records, (record) => record.time),
    lens: Uint32Array.from(records, (record) => record.data.length),
    data: Buffer.concat(records.map((record) => record.data)),
    ...(withAttributes
      ? { attributes: records.map((record) => record.attributes && { ...record.attributes }) }
      : {})
  }))
