import { HeadwaterError } from '../errors.ts'
import { type Attributes, isAttributes, type RecordColumns, recordLimits } from '../record.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { Fields, integerOf } from './fields.ts'

/**
 * The body of a frame: `{ keys, key?, times, lens, data, attrs? }` in CBOR, columns as in
 * `RecordColumns`, times as the first absolute and then each less the one before it, lens as a
 * uint32 typed array (RFC 8746, tag 70). What the agent stores is what it sends.
 */
export function encodeFrame(records: RecordColumns): Buffer {
  const { keys, key, times, lens, data, attributes } = records
  const deltas = new Array<number>(times.length)
  let before = 0
  for (let i = 0; i < times.length; i++) {
    const time = times[i] as number
    deltas[i] = time - before
    before = time
  }
  return encodeCbor({
    keys,
    ...(key ? { key: Array.from(key) } : {}),
    times: deltas,
    lens,
    data,
    ...(attributes ? { attrs: attributes } : {})
  })
}

/**
 * The columns of a frame's body; `data` is a view of `body`.
 * Throws `invalid` naming the column at fault. Single keys and sizes are admission's to judge.
 */
export function decodeFrame(body: Buffer): RecordColumns {
  const fields: Fields = new Fields(decodeCbor(body, 'frame'), 'frame')
  const lens = decodeLens(fields)
  const count = lens.length
  const data = fields.bytes('data')
  if (sum(lens) !== data.length)
    fields.fail('lens', `must add up to the ${data.length} bytes of "data"`)
  const keys = decodeKeys(fields)
  const key = fields.has('key') ? decodeKeyIndex(fields, count, keys.length) : undefined
  const attributes = fields.has('attrs') ? decodeAttributes(fields, count) : undefined
  return {
    keys,
    ...(key ? { key } : {}),
    times: decodeTimes(fields, count),
    lens,
    data,
    ...(attributes ? { attributes } : {})
  }
}

function decodeLens(fields: Fields): Uint32Array {
  const value = fields.get('lens')
  if (value instanceof Uint32Array) {
    if (value.length > recordLimits.batchRecords) tooMany(value.length)
    return value
  }
  // A typed array is tag 70; a plain array of lengths is taken from encoders without typed arrays.
  const plain = fields.array('lens')
  if (plain.length > recordLimits.batchRecords) tooMany(plain.length)
  return uint32Column(fields, 'lens', plain)
}

function tooMany(count: number): never {
  throw new HeadwaterError(
    'too_large',
    `frame: ${count} records, the limit is ${recordLimits.batchRecords}`
  )
}

function uint32Column(fields: Fields, name: string, values: readonly unknown[]): Uint32Array {
  const column = new Uint32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 0xffffffff) {
      fields.fail(name, `must hold integers from 0 to 4294967295 (entry ${i})`)
    }
    column[i] = value as number
  }
  return column
}

function decodeKeys(fields: Fields): string[] {
  const keys = fields.array('keys')
  if (keys.length === 0) fields.fail('keys', 'must hold at least one partition key')
  for (let i = 0; i < keys.length; i++) {
    if (typeof keys[i] !== 'string') fields.fail('keys', `must hold text (entry ${i})`)
  }
  return keys as string[]
}

function decodeKeyIndex(fields: Fields, count: number, keyCount: number): Uint32Array {
  const column = uint32Column(fields, 'key', fields.array('key'))
  if (column.length !== count) fields.fail('key', `must have ${count} entries, one a record`)
  for (let i = 0; i < count; i++) {
    if ((column[i] as number) >= keyCount) fields.fail('key', `points outside "keys" (entry ${i})`)
  }
  return column
}

function decodeTimes(fields: Fields, count: number): Float64Array {
  const deltas = fields.array('times')
  if (deltas.length !== count) fields.fail('times', `must have ${count} entries, one a record`)
  const times = new Float64Array(count)
  let time = 0
  for (let i = 0; i < count; i++) {
    const delta = integerOf(deltas[i])
    if (delta === undefined) fields.fail('times', `must hold integers (entry ${i})`)
    time += delta
    if (!Number.isSafeInteger(time)) fields.fail('times', `is out of range (entry ${i})`)
    times[i] = time
  }
  return times
}

function decodeAttributes(fields: Fields, count: number): (Attributes | null)[] {
  const values = fields.array('attrs')
  if (values.length !== count) fields.fail('attrs', `must have ${count} entries, one a record`)
  return values.map((value, i) => {
    if (value === null || isAttributes(value)) return value
    return fields.fail('attrs', `must hold maps of text to text, or null (entry ${i})`)
  })
}

function sum(lens: Uint32Array): number {
  let total = 0
  for (let i = 0; i < lens.length; i++) total += lens[i] as number
  return total
}
