import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { HeadwaterError } from '../../../shared/errors.ts'
import {
  keyOf,
  offsetsOf,
  type RecordColumns,
  recordLimits,
  requireName
} from '../../../shared/record.ts'
import { type BodyEncoding, frameCrc } from '../../../shared/wire/batch.ts'
import { encodeFrame } from '../../../shared/wire/frame.ts'
import type { Stamp } from '../../clock/device-time.ts'
import type { Chunk } from '../buffer.ts'

export type Compression = 'none' | 'gzip'

/** What a record takes in a frame besides its data: its time, its length. Bytes. */
const recordOverheadBytes = 14

/** A frame's body as it is stored. */
export interface PackedBody {
  readonly enc: BodyEncoding
  readonly body: Buffer
  readonly crc: number
}

/** Records of one stream on their way into a frame; nothing in it belongs to the caller any more. */
export interface Part {
  readonly stream: string
  readonly records: number
  /** About what it takes in a frame. */
  readonly bytes: number
  readonly stamp: Stamp
  /** Its times are those of the wall clock, and wrong if that was. */
  readonly correctable: boolean
  /** Whose cursors are committed with it; none: nobody can read it again. */
  readonly sources: readonly string[]
  /** Copied columns that share a frame with others, or a frame of their own that is being packed. */
  readonly content: RecordColumns | Promise<PackedBody>
}

export interface PartOptions {
  /** A part from half this size on is a frame of its own, and one above twice this size is split. */
  readonly frameBytes: number
  readonly compression: Compression
  readonly stamp: Stamp
}

/** Throws `too_large` for a record over the limit, `invalid` for columns that do not agree. */
export function chunkParts(chunk: Chunk, options: PartOptions): Part[] {
  requireName(chunk.stream, 'stream')
  const { records } = chunk
  checkColumns(records)
  if (records.lens.length === 0) return []
  const { stream } = chunk
  const { stamp, correctable } = datedBy(chunk, options.stamp)
  const sources = (chunk.cursors ?? []).map(({ source }) => source)
  return pieces(records, options.frameBytes).map(({ columns, bytes }) => {
    const alone = bytes >= options.frameBytes / 2
    const content = alone ? packed(columns, options.compression) : copyColumns(columns)
    return { stream, records: columns.lens.length, bytes, stamp, correctable, sources, content }
  })
}

/** Event times before this are those of a clock that was not set: 1970, 1980 or 2000 at its start. */
const impossibleBeforeMs = Date.UTC(2001, 0, 1)

/** Impossible times of a clock that is right by now are older than that: nothing can correct them. */
function datedBy(
  { records, times = 'clock' }: Chunk,
  now: Stamp
): Pick<Part, 'stamp' | 'correctable'> {
  const isPossible = records.times.every((time) => time >= impossibleBeforeMs)
  if (!isPossible && (times !== 'clock' || now.clock !== 'unsynced')) {
    return { stamp: { ...now, clock: 'unsynced' }, correctable: false }
  }
  if (times === 'gps') return { stamp: { ...now, clock: 'gps' }, correctable: false }
  return { stamp: now, correctable: times === 'clock' }
}

const zip = promisify(gzip)

/** The frame of these columns; gzip only where it is smaller. Has its own copy when it returns. */
export function packed(columns: RecordColumns, compression: Compression): Promise<PackedBody> {
  const plain = encodeFrame(columns)
  const body = compression === 'gzip' ? smaller(plain) : Promise.resolve(asItIs(plain))
  // Nobody may be left to ask for it.
  body.catch(() => undefined)
  return body
}

async function smaller(plain: Buffer): Promise<PackedBody> {
  const body = await zip(plain)
  return body.length < plain.length ? { enc: 'gzip', body, crc: frameCrc(body) } : asItIs(plain)
}

function asItIs(body: Buffer): PackedBody {
  return { enc: 'id', body, crc: frameCrc(body) }
}

function checkColumns(records: RecordColumns): void {
  const { keys, key, times, lens, data, attributes } = records
  const count = lens.length
  for (const column of [times, key ?? lens, attributes ?? lens]) {
    if (column.length !== count) throw invalid(`must all have ${count} entries, one a record`)
  }
  if (count > 0 && keys.length === 0) throw invalid('need at least one partition key')
  let sum = 0
  for (let i = 0; i < count; i++) {
    const len = lens[i] as number
    sum += len
    if (len > recordLimits.recordBytes - 4 * recordLimits.partitionKeyChars) checkRecord(records, i)
  }
  if (sum !== data.length) throw invalid(`"lens" must add up to the ${data.length} bytes of "data"`)
}

function checkRecord(records: RecordColumns, index: number): void {
  const bytes = (records.lens[index] as number) + Buffer.byteLength(keyOf(records, index))
  if (bytes <= recordLimits.recordBytes) return
  throw new HeadwaterError(
    'too_large',
    `record ${index} has ${bytes} bytes with its key, the limit is ${recordLimits.recordBytes}`
  )
}

function invalid(problem: string): HeadwaterError {
  return new HeadwaterError('invalid', `the columns of a chunk ${problem}`)
}

interface Piece {
  readonly columns: RecordColumns
  readonly bytes: number
}

function pieces(records: RecordColumns, frameBytes: number): Piece[] {
  const count = records.lens.length
  const simple = !records.key && !records.attributes
  const bytes = simple ? records.data.length + count * recordOverheadBytes : totalBytes(records)
  if (bytes <= 2 * frameBytes && count <= recordLimits.batchRecords) {
    return [{ columns: records, bytes }]
  }
  const offsets = offsetsOf(records.lens)
  const found: Piece[] = []
  let from = 0
  let sum = 0
  for (let i = 0; i < count; i++) {
    const next = recordBytes(records, i)
    if (i > from && (sum + next > frameBytes || i - from >= recordLimits.batchRecords)) {
      found.push({ columns: slice(records, offsets, [from, i]), bytes: sum })
      from = i
      sum = 0
    }
    sum += next
  }
  return [...found, { columns: slice(records, offsets, [from, count]), bytes: sum }]
}

function totalBytes(records: RecordColumns): number {
  let sum = 0
  for (let i = 0; i < records.lens.length; i++) sum += recordBytes(records, i)
  return sum
}

/** At most, as if no two records shared a key. */
function recordBytes(records: RecordColumns, index: number): number {
  const attributes = records.attributes?.[index]
  let bytes = (records.lens[index] as number) + recordOverheadBytes
  if (records.key) bytes += 8 + Buffer.byteLength(keyOf(records, index))
  if (attributes) bytes += Buffer.byteLength(JSON.stringify(attributes))
  return bytes
}

function slice(
  records: RecordColumns,
  offsets: Uint32Array,
  [from, to]: readonly [number, number]
): RecordColumns {
  const { keys, key, times, lens, data, attributes } = records
  return {
    ...(key ? usedKeys(keys, key.subarray(from, to)) : { keys }),
    times: times.subarray(from, to),
    lens: lens.subarray(from, to),
    data: data.subarray(offsets[from], offsets[to]),
    ...(attributes ? { attributes: attributes.slice(from, to) } : {})
  }
}

function usedKeys(
  keys: readonly string[],
  key: Uint32Array
): { keys: readonly string[]; key: Uint32Array } {
  const index = new Map<number, number>()
  const mapped = key.map((old) => {
    const known = index.get(old) ?? index.size
    index.set(old, known)
    return known
  })
  return { keys: [...index.keys()].map((old) => keys[old] ?? ''), key: mapped }
}

function copyColumns({ keys, key, times, lens, data, attributes }: RecordColumns): RecordColumns {
  return {
    keys: [...keys],
    ...(key ? { key: key.slice() } : {}),
    times: times.slice(),
    lens: lens.slice(),
    data: Buffer.from(data),
    ...(attributes ? { attributes: [...attributes] } : {})
  }
}
