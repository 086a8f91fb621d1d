import type { PutEntry, PutOutcome } from '../engine.ts'
import { type Block, packBlock, raiseMarks } from './block.ts'
import { encodeSequenceAt, type SequenceParts } from '../sequence-number.ts'
import { hashSpace } from '../hash-key.ts'
import { countOf, isRun, type PutPart, type ShardRun } from './shard-run.ts'
import type { ShardRow, ShardTable } from './shard-table.ts'
import { shardIdOf } from '../shard-id.ts'

/** A block is closed at this size, so that a reader of one record does not read many megabytes. */
const blockBytes = 1024 * 1024
export const maxBlockRecords = 10_000

/** What holds at the moment of a commit. */
export interface CommitMoment {
  readonly shards: ShardTable
  readonly maxRecordBytes: number
  /** First sequence index to use; there must be one for each record. */
  readonly nextIndex: number
  readonly arrivalMs: number
  readonly ageMs: number
}

/** What a commit will store, and what it will answer once that is durable. */
export interface CommitPlan {
  readonly blocks: readonly PlannedBlock[]
  /** First sequence index that is not used. */
  readonly nextIndex: number
  /** Outcomes by put and part. */
  readonly outcomes: PutOutcome[][]
}

export interface PlannedBlock {
  readonly block: Block
  /** Highest sequence number by source. */
  readonly marks: ReadonlyMap<string, number>
}

/** Where a part stands in its commit, and its first record in its block. */
interface PartPlace {
  readonly put: number
  readonly part: number
  readonly record: number
}

interface OpenBlock {
  readonly row: ShardRow
  readonly keys: string[]
  readonly lens: number[]
  readonly pieces: Buffer[]
  readonly marks: Map<string, number>
  readonly places: PartPlace[]
  bytes: number
}

/** Judges the parts of some puts and packs those that are good into blocks, a shard's in order. */
export function planCommit(
  puts: readonly (readonly PutPart[])[],
  moment: CommitMoment
): CommitPlan {
  const outcomes = puts.map((parts) => Array.from<PutOutcome>({ length: parts.length }))
  const filling = new Map<number, OpenBlock>()
  const closed: OpenBlock[] = []
  puts.forEach((parts, put) => {
    const answers = outcomes[put] as PutOutcome[]
    parts.forEach((part, at) => {
      const judged = isRun(part) ? judgeRun(part, moment) : judge(part, moment)
      if ('status' in judged) {
        answers[at] = judged
        return
      }
      let block = filling.get(judged.index)
      if (!block || !hasRoom(block, part)) {
        block = {
          row: judged,
          keys: [],
          lens: [],
          pieces: [],
          marks: new Map(),
          places: [],
          bytes: 0
        }
        filling.set(judged.index, block)
        closed.push(block)
      }
      block.places.push({ put, part: at, record: block.lens.length })
      addTo(block, part)
    })
  })
  return pack(closed, moment, outcomes)
}

function hasRoom({ bytes, lens }: OpenBlock, part: PutPart): boolean {
  return bytes + part.data.length <= blockBytes && lens.length + countOf(part) <= maxBlockRecords
}

function addTo(block: OpenBlock, part: PutPart): void {
  if (isRun(part)) {
    for (const key of part.keys) block.keys.push(key)
    for (const length of part.lens) block.lens.push(length)
  } else {
    block.keys.push(part.partitionKey)
    block.lens.push(part.data.length)
    raiseMarks(block.marks, part.marks)
  }
  block.pieces.push(part.data)
  block.bytes += part.data.length
}

function pack(
  open: readonly OpenBlock[],
  { nextIndex, arrivalMs, ageMs }: CommitMoment,
  outcomes: PutOutcome[][]
): CommitPlan {
  const timeSeconds = sequenceSeconds(arrivalMs)
  let first = nextIndex
  const blocks = open.map(({ row, places, marks, ...records }) => {
    const shard = shardIdOf(row.index)
    const parts: SequenceParts = {
      shardIndex: row.index,
      shardCreatedSeconds: row.createdSeconds,
      index: first,
      timeSeconds
    }
    const sequenceOf = encodeSequenceAt(parts)
    for (const { put, part, record } of places) {
      const answers = outcomes[put] as PutOutcome[]
      answers[part] = { status: 'stored', shard, sequence: sequenceOf(record) }
    }
    const count = records.lens.length
    const place = { first, shard: row.index, count, arrivalMs, ageMs }
    first += count
    return { block: packBlock(place, records, marks), marks }
  })
  return { blocks, nextIndex: first, outcomes }
}

/** The time that stands in the sequence numbers of records that arrived at `arrivalMs`. */
export function sequenceSeconds(arrivalMs: number): number {
  return Math.min(Math.max(Math.floor(arrivalMs / 1000), 0), 2 ** 36 - 1)
}

/** The open shard that takes an entry, or why none does. */
function judge(entry: PutEntry, { shards, maxRecordBytes }: CommitMoment): ShardRow | PutOutcome {
  const bytes = entry.data.length + Buffer.byteLength(entry.partitionKey)
  if (bytes > maxRecordBytes) return tooLarge(bytes, maxRecordBytes)
  const { hashKey } = entry
  if (hashKey < 0n || hashKey >= hashSpace) {
    const message = `${hashKey} is not a hash key: 0 to 2^128 - 1`
    return { status: 'failed', message, retryable: false }
  }
  const row = shards.byId(entry.shard)
  if (!row) return unknownShard(entry)
  if (row.closed) return { status: 'wrong_shard', message: `${entry.shard} is closed` }
  if (hashKey < row.range.start || hashKey > row.range.end) {
    const message = `hash key ${hashKey} is not in ${entry.shard}`
    return { status: 'wrong_shard', message }
  }
  return row
}

/** As `judge`, of all records together. */
function judgeRun(
  { row, largestBytes }: ShardRun,
  { shards, maxRecordBytes }: CommitMoment
): ShardRow | PutOutcome {
  if (largestBytes > maxRecordBytes) return tooLarge(largestBytes, maxRecordBytes)
  if (shards.has(row) && !row.closed) return row
  return { status: 'wrong_shard', message: `${shardIdOf(row.index)} has changed` }
}

function tooLarge(bytes: number, maxRecordBytes: number): PutOutcome {
  const message = `the record has ${bytes} bytes with its key, the stream takes ${maxRecordBytes}`
  return { status: 'failed', message, retryable: false }
}

function unknownShard(entry: PutEntry): PutOutcome {
  return { status: 'wrong_shard', message: `no shard ${entry.shard} in this stream` }
}
