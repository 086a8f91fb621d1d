import type { WireValue } from '../operation.ts'
import { WireError } from '../wire-error.ts'
import type { WireFormat } from './wire-format.ts'

/** Blobs are base64 and timestamps seconds with a fraction; shapes take them as they stand. */
export const jsonFormat: WireFormat = {
  contentType: 'application/x-amz-json-1.1',
  decode: (body) => {
    try {
      return JSON.parse(body.toString())
    } catch (cause) {
      throw new WireError('SerializationException', 'The body is not valid JSON.', { cause })
    }
  },
  encode: (value) => Buffer.from(JSON.stringify(plain(value)))
}

/** In values that JSON has. */
function plain(value: WireValue): unknown {
  if (typeof value !== 'object') return value
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (value instanceof Date) return value.getTime() / 1000
  if (isList(value)) return value.map(plain)
  if (Object.values(value).every((member) => typeof member !== 'object')) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}

/** `Array.isArray` does not tell read-only lists from the rest. */
function isList(value: object): value is readonly WireValue[] {
  return Array.isArray(value)
}
