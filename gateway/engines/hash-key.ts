import { hash } from 'node:crypto'

/** Hash keys are less than this. */
export const hashSpace = 1n << 128n

/** A hash key as decimal text; undefined for what is none. */
export function parseHashKey(text: string): bigint | undefined {
  if (!/^\d{1,39}$/.test(text)) return undefined
  const key = BigInt(text)
  return key < hashSpace ? key : undefined
}

/** MD5 of the key's UTF-8 bytes as an unsigned big-endian number, as Kinesis places records. */
export function hashKeyOf(partitionKey: string): bigint {
  return BigInt(`0x${hash('md5', partitionKey)}`)
}
