import { Decoder, Encoder, setSizeLimits } from 'cbor-x'
import { HeadwaterError } from '../errors.ts'

// Plain CBOR (RFC 8949): no record extension, so that any CBOR library can read and write it.
const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false })
const decoder = new Decoder({ useRecords: false, mapsAsObjects: true })

// A few bytes may announce an array of millions, which is allocated before the end is missed.
setSizeLimits({ maxArraySize: 200_000, maxMapSize: 10_000, maxObjectSize: 10_000 })

/** The bytes of `value` as a buffer of its own. */
export function encodeCbor(value: unknown): Buffer {
  return encoder.encode(value)
}

/**
 * Byte strings come back as views of `bytes`.
 * Throws `invalid`, naming `what`, for anything but one whole CBOR item.
 */
export function decodeCbor(bytes: Buffer, what: string): unknown {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new HeadwaterError('invalid', `${what} is not valid CBOR: ${String(cause)}`, { cause })
  }
}
