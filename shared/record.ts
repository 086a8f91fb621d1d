import { HeadwaterError } from './errors.ts'

/** Small facts about a record that are not part of its data. */
export type Attributes = Readonly<Record<string, string>>

/**
 * Many records as columns: what a frame holds, what a source hands over, what admission takes.
 * All columns have one entry a record; no object exists for a single record.
 */
export interface RecordColumns {
  /** Table of partition keys, each 1..256 Unicode characters. */
  readonly keys: readonly string[]
  /** For each record the index of its key in `keys`; absent when all have `keys[0]`. */
  readonly key?: Uint32Array
  /** Event times, milliseconds since the epoch, UTC. Integers. */
  readonly times: Float64Array
  /** Bytes of each record's data. */
  readonly lens: Uint32Array
  /** The data of all records end to end; its length is the sum of `lens`. */
  readonly data: Buffer
  readonly attributes?: readonly (Attributes | null)[]
}

/** Limits that both sides hold to. The stream's own record limit may be lower. */
export const recordLimits = {
  partitionKeyChars: 256,
  /** Kinesis: 10 MiB, key included. */
  recordBytes: 10 * 1024 * 1024,
  attributes: 64,
  attributesBytes: 16 * 1024,
  /** One frame, unpacked. */
  batchBytes: 16 * 1024 * 1024,
  batchRecords: 100_000
} as const

const namePattern = /^[a-zA-Z0-9_.-]{1,128}$/

/** Stream names, device ids: 1..128 of `[a-zA-Z0-9_.-]`, as Kinesis has it. */
export function isName(text: unknown): text is string {
  return typeof text === 'string' && namePattern.test(text)
}

export function requireName(text: unknown, field: string): string {
  if (isName(text)) return text
  throw new HeadwaterError('invalid', `${field} must be 1 to 128 characters of a-z A-Z 0-9 _ . -`)
}

/** A partition key is 1..256 Unicode characters (code points), without lone surrogates. */
export function isPartitionKey(text: unknown): text is string {
  if (typeof text !== 'string' || text.length === 0 || text.length > 512) return false
  if (!text.isWellFormed()) return false
  return text.length <= 256 || [...text].length <= recordLimits.partitionKeyChars
}

/** A map of text to text within the limits of `recordLimits`. */
export function isAttributes(value: unknown): value is Attributes {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const entries = Object.entries(value)
  if (entries.length > recordLimits.attributes) return false
  let bytes = 0
  for (const [name, text] of entries) {
    if (typeof text !== 'string') return false
    // Half a surrogate pair has no UTF-8.
    if (!name.isWellFormed() || !text.isWellFormed()) return false
    bytes += name.length + text.length
  }
  return bytes <= recordLimits.attributesBytes
}

/** One record's key, for the few places that look at single records. */
export function keyOf(records: RecordColumns, index: number): string {
  return records.keys[records.key?.[index] ?? 0] ?? ''
}

/** Where each record's data begins, and at the end the total: `count + 1` offsets into `data`. */
export function offsetsOf(lens: Uint32Array): Uint32Array {
  const offsets = new Uint32Array(lens.length + 1)
  let at = 0
  for (let i = 0; i < lens.length; i++) {
    at += lens[i] as number
    offsets[i + 1] = at
  }
  return offsets
}
