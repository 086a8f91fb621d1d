import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { encodeBatch, frameCrc, unpackBody } from '../../../shared/wire/batch.ts'
import { decodeFrame } from '../../../shared/wire/frame.ts'
import { encodeJsonBatch } from '../../../shared/wire/json.ts'
import type { StoredFrame } from '../../buffer/buffer.ts'
import type { WireFormat } from './transport.ts'

const pack = promisify(gzip)

/** Below this gzip gains nothing over its own header. Bytes. */
const worthPackingBytes = 200

export interface Payload {
  readonly bytes: Buffer
  /** The payload as a whole is gzip; in CBOR the body inside is, and the batch says so itself. */
  readonly gzipped: boolean
}

/**
 * A frame as it goes over the wire. CBOR carries the stored bytes as they are; JSON has to unpack
 * them. Throws `invalid` or `too_large` when the frame itself cannot be read.
 */
export async function payloadOf(
  frame: StoredFrame,
  options: { readonly format: WireFormat; readonly gzip: boolean }
): Promise<Payload> {
  if (options.format === 'cbor') {
    const packed = options.gzip ? await packBody(frame) : frame
    return { bytes: encodeBatch(packed), gzipped: false }
  }
  const body = await unpackBody(frame.enc, frame.body)
  const bytes = Buffer.from(encodeJsonBatch(frame.header, decodeFrame(body)))
  if (!options.gzip || bytes.length < worthPackingBytes) return { bytes, gzipped: false }
  return { bytes: await pack(bytes), gzipped: true }
}

async function packBody(frame: StoredFrame): Promise<StoredFrame> {
  if (frame.enc === 'gzip' || frame.body.length < worthPackingBytes) return frame
  const body = await pack(frame.body)
  return body.length < frame.body.length
    ? { ...frame, enc: 'gzip', body, crc: frameCrc(body) }
    : frame
}
