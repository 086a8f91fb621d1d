import { crc32 } from 'node:zlib'
import { decodeCbor, encodeCbor } from '../../../shared/wire/cbor.ts'
import { Fields, integerOf } from '../../../shared/wire/fields.ts'
import type { Mark } from '../engine.ts'
import { checkCrc, withCrc } from './checked-bytes.ts'

/** Where a block stands: its records have sequence indexes `first` to `first + count - 1`. */
export interface BlockPlace {
  readonly first: number
  readonly shard: number
  readonly count: number
  /** Wall time of arrival, never less than that of the block before. */
  readonly arrivalMs: number
  /** Age of the engine at arrival; see `EngineClock`. */
  readonly ageMs: number
}

/** What one group commit brings for one shard, as it is stored. */
export interface Block extends BlockPlace {
  /** Partition keys and lengths, as `encodeIndex` has them. */
  readonly index: Buffer
  /** The data of all records end to end. */
  readonly data: Buffer
  /** Of the place, the index and the data. */
  readonly crc: number
  /** Marks that came with these records, behind a CRC of their own; empty when there were none. */
  readonly marks: Buffer
}

/** The records of a block, as columns. */
export interface BlockRecords {
  /** Partition key and bytes of data, by record. */
  readonly keys: readonly string[]
  readonly lens: readonly number[]
  /** Their data in order, a piece for one or for many. */
  readonly pieces: readonly Buffer[]
}

export interface BlockIndex {
  readonly keys: readonly string[]
  /** Index into `keys` by record; absent when all have the first. */
  readonly key?: readonly number[]
  readonly lens: readonly number[]
}

/** Records and the highest mark of each source as they are stored. A single piece is not copied. */
export function packBlock(
  place: BlockPlace,
  records: BlockRecords,
  marks: ReadonlyMap<string, number>
): Block {
  const { pieces } = records
  const [only] = pieces
  const index = encodeIndex(records)
  const data = pieces.length === 1 && only ? only : Buffer.concat(pieces)
  return {
    ...place,
    index,
    data,
    crc: crcOf(place, index, data),
    marks: marks.size === 0 ? Buffer.alloc(0) : withCrc(encodeCbor([...marks].flat()))
  }
}

/** Keeps of all marks the highest of each source. */
export function raiseMarks(highest: Map<string, number>, marks: readonly Mark[]): void {
  for (const { source, seq } of marks) {
    if (seq > (highest.get(source) ?? 0)) highest.set(source, seq)
  }
}

/** Whether a block that was read is what was stored. */
export function isIntact(block: Block): boolean {
  return block.crc === crcOf(block, block.index, block.data)
}

function crcOf(place: BlockPlace, index: Buffer, data: Buffer): number {
  const { first, shard, count, arrivalMs, ageMs } = place
  const head = Buffer.from(Float64Array.of(first, shard, count, arrivalMs, ageMs).buffer)
  return crc32(data, crc32(index, crc32(head)))
}

function encodeIndex({ keys, lens }: BlockRecords): Buffer {
  const table = new Map<string, number>()
  const key = keys.map((one) => {
    const known = table.get(one)
    if (known !== undefined) return known
    table.set(one, table.size)
    return table.size - 1
  })
  return encodeCbor([[...table.keys()], table.size > 1 ? key : null, lens])
}

/** The index of an intact block. */
export function decodeIndex(index: Buffer): BlockIndex {
  const [keys, key, lens] = decodeCbor(index, 'block index') as [
    string[],
    number[] | null,
    number[]
  ]
  return { keys, ...(key ? { key } : {}), lens }
}

/** Undefined when they are damaged. */
export function decodeMarks(marks: Buffer): readonly Mark[] | undefined {
  if (marks.length === 0) return []
  const bytes = checkCrc(marks)
  if (!bytes) return undefined
  const fields = new Fields({ marks: decodeCbor(bytes, 'marks') }, 'block')
  const flat = fields.array('marks')
  return Array.from({ length: flat.length / 2 }, (_, i) => ({
    source: String(flat[i * 2]),
    seq: integerOf(flat[i * 2 + 1]) ?? 0
  }))
}
