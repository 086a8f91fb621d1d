import { WireError } from '../wire-error.ts'
import { CborReader } from './cbor-reader.ts'
import { CborWriter } from './cbor-writer.ts'
import type { WireFormat } from './wire-format.ts'

/** Blobs are byte strings and timestamps milliseconds under tag 1, where RFC 8949 has seconds. */
export const cborFormat: WireFormat = {
  contentType: 'application/x-amz-cbor-1.1',
  decode: (body) => {
    try {
      return new CborReader(body).read()
    } catch (cause) {
      throw new WireError('SerializationException', 'The body is not valid CBOR.', { cause })
    }
  },
  encode: (value) => new CborWriter().write(value).bytes()
}
