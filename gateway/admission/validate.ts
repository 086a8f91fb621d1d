import { type AckCode, HeadwaterError } from '../../shared/errors.ts'
import { isPartitionKey, keyOf, type RecordColumns } from '../../shared/record.ts'

/** One record that is refused for good. */
export interface Reject {
  readonly index: number
  readonly code: AckCode
  readonly message: string
}

export interface Verdict {
  /** Ascending by index. */
  readonly rejects: readonly Reject[]
  /** Indexes of the records that are fine; absent: all. */
  readonly selected?: Uint32Array
}

export interface ValidateOptions {
  /** Largest record the stream takes, key and attributes included. Bytes. */
  readonly maxRecordBytes: number
  /** Correction of all times, milliseconds. */
  readonly offsetMs: number
}

/** 140,000 years either way: dates of ECMAScript reach further, but differences must be exact too. */
const maxTimeMs = 2 ** 52 - 1

/** UTF-8 takes at most three bytes for each UTF-16 unit, and keys have at most 512 of those. */
const maxKeyBytes = 512 * 3

/** More would make an answer longer than a sender reads; it splits the batch and gets them in parts. */
const maxRejects = 256

const allFine: Verdict = { rejects: [] }

/**
 * Judges each record by itself. The verdict depends on nothing but the batch and the stream's limit,
 * so a repeat of the batch gets the same one. Throws `too_large` for more than 256 bad records.
 */
export function validate(records: RecordColumns, options: ValidateOptions): Verdict {
  if (keysFine(records) && sizesFine(records, options) && timesFine(records, options)) {
    return allFine
  }
  const rejects: Reject[] = []
  const selected = new Uint32Array(records.lens.length)
  let kept = 0
  for (let index = 0; index < records.lens.length; index++) {
    const problem = problemOf(records, index, options)
    if (problem) rejects.push({ index, ...problem })
    else selected[kept++] = index
    if (rejects.length > maxRejects) throw tooManyRejects(rejects[0])
  }
  return rejects.length === 0 ? allFine : { rejects, selected: selected.subarray(0, kept) }
}

function keysFine(records: RecordColumns): boolean {
  for (const key of records.keys) if (!isPartitionKey(key)) return false
  return true
}

/** Whether all are small enough with the longest key there can be; records near the limit are weighed singly. */
function sizesFine(records: RecordColumns, options: ValidateOptions): boolean {
  if (records.attributes) return false
  const { lens } = records
  let longest = 0
  for (let i = 0; i < lens.length; i++) {
    const length = lens[i] as number
    if (length > longest) longest = length
  }
  return longest + maxKeyBytes <= options.maxRecordBytes
}

function timesFine(records: RecordColumns, options: ValidateOptions): boolean {
  const { times } = records
  for (let i = 0; i < times.length; i++) {
    if (!timeFine((times[i] as number) + options.offsetMs)) return false
  }
  return true
}

function timeFine(timeMs: number): boolean {
  return timeMs >= -maxTimeMs && timeMs <= maxTimeMs
}

function problemOf(
  records: RecordColumns,
  index: number,
  options: ValidateOptions
): { code: AckCode; message: string } | undefined {
  const key = keyOf(records, index)
  if (!isPartitionKey(key)) {
    return { code: 'invalid', message: 'partitionKey must be 1 to 256 Unicode characters' }
  }
  const bytes =
    (records.lens[index] as number) + Buffer.byteLength(key) + factsBytes(records, index)
  if (bytes > options.maxRecordBytes) {
    const message = `record of ${bytes} bytes with its key and attributes; the stream takes ${options.maxRecordBytes}`
    return { code: 'too_large', message }
  }
  const timeMs = (records.times[index] as number) + options.offsetMs
  if (!timeFine(timeMs)) {
    const message = `time ${timeMs} is not within ${maxTimeMs} milliseconds of 1970`
    return { code: 'invalid', message }
  }
  return undefined
}

/** Attributes as they travel in CBOR: at most three bytes before each text. */
function factsBytes(records: RecordColumns, index: number): number {
  let bytes = 0
  for (const [name, text] of Object.entries(records.attributes?.[index] ?? {})) {
    bytes += 6 + Buffer.byteLength(name) + Buffer.byteLength(text)
  }
  return bytes
}

function tooManyRejects(example: Reject | undefined): HeadwaterError {
  return new HeadwaterError(
    'too_large',
    `more than ${maxRejects} records of the batch are bad, as record ${example?.index}: ${example?.message}; send fewer at once`
  )
}
