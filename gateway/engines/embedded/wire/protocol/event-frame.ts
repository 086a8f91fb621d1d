import { crc32 } from 'node:zlib'

/** Lengths and checksum of the prelude, and the checksum at the end. */
const preludeBytes = 12
const crcBytes = 4
const stringType = 7

/**
 * A frame of `application/vnd.amazon.eventstream`: total length, length of the headers and the
 * CRC-32 of both; the headers, all of type string; the payload; the CRC-32 of all before. Integers
 * are big-endian. Names are up to 255 bytes and values up to 65,535.
 */
export function eventFrame(headers: Readonly<Record<string, string>>, payload: Buffer): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)))
  const totalBytes = preludeBytes + head.length + payload.length + crcBytes
  const frame = Buffer.allocUnsafe(totalBytes)
  frame.writeUInt32BE(totalBytes, 0)
  frame.writeUInt32BE(head.length, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  head.copy(frame, preludeBytes)
  payload.copy(frame, preludeBytes + head.length)
  frame.writeUInt32BE(crc32(frame.subarray(0, totalBytes - crcBytes)), totalBytes - crcBytes)
  return frame
}

function header(name: string, value: string): Buffer {
  const nameBytes = Buffer.from(name)
  const valueBytes = Buffer.from(value)
  const lengths = Buffer.alloc(2)
  lengths.writeUInt16BE(valueBytes.length)
  return Buffer.concat([
    Buffer.of(nameBytes.length),
    nameBytes,
    Buffer.of(stringType),
    lengths,
    valueBytes
  ])
}
