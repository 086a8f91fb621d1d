import { crc32 } from 'node:zlib'

/** Bytes behind their own CRC-32: SQLite does not notice a flipped bit inside a value. */
export function withCrc(bytes: Buffer): Buffer {
  const sealed = Buffer.allocUnsafe(4 + bytes.length)
  sealed.writeUInt32BE(crc32(bytes), 0)
  bytes.copy(sealed, 4)
  return sealed
}

/** The bytes behind the CRC, or undefined when they are not what was stored. */
export function checkCrc(sealed: unknown): Buffer | undefined {
  if (!Buffer.isBuffer(sealed) || sealed.length < 4) return undefined
  const bytes = sealed.subarray(4)
  return crc32(bytes) === sealed.readUInt32BE(0) ? bytes : undefined
}
