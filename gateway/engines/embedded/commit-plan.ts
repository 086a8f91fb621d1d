import type { PutEntry, PutOutcome } from '../engine.ts'
import { type Block, type BlockEntry, highestMarks, packBlock } from './block.ts'
import { encodeSequenceAt, type SequenceParts } from '../sequence-number.ts'
import { hashSpace } from '../hash-key.ts'
import type { ShardRow, ShardTable } from './shard-table.ts'
import { shardIdOf } from '../shard-id.ts'

/** A block is closed at this size, so that a reader of one record does not read many megabytes. */
const blockBytes = 1024 * 1024
export const maxBlockRecords = 10_000

/** What holds at the moment of a commit. */
export interface CommitMoment {
  readonly shards: ShardTable
  readonly maxRecordBytes: number
  /** First sequence index to use; there must be one for each entry. */
  readonly nextIndex: number
  readonly arrivalMs: number
  readonly ageMs: number
}

/** What a commit will store, and what it will answer once that is durable. */
export interface CommitPlan {
  readonly blocks: readonly PlannedBlock[]
  /** First sequence index that is not used. */
  readonly nextIndex: number
  /** Outcomes by put and entry. */
  readonly outcomes: PutOutcome[][]
}

export interface PlannedBlock {
  readonly block: Block
  /** Highest sequence number by source. */
  readonly marks: ReadonlyMap<string, number>
}

interface OpenBlock {
  readonly row: ShardRow
  readonly entries: BlockEntry[]
  /** Put and position of each entry. */
  readonly places: (readonly [put: number, entry: number])[]
  bytes: number
}

/** Judges the entries of some puts and packs those that are good into blocks, a shard's in order. */
export function planCommit(
  puts: readonly (readonly PutEntry[])[],
  moment: CommitMoment
): CommitPlan {
  const outcomes = puts.map((entries) => Array.from<PutOutcome>({ length: entries.length }))
  const filling = new Map<number, OpenBlock>()
  const closed: OpenBlock[] = []
  puts.forEach((entries, put) => {
    const answers = outcomes[put] as PutOutcome[]
    entries.forEach((entry, at) => {
      const row = moment.shards.byId(entry.shard)
      const refusal = judge(entry, row, moment.maxRecordBytes)
      if (refusal || !row) {
        answers[at] = refusal ?? unknownShard(entry)
        return
      }
      let block = filling.get(row.index)
      if (!block || block.bytes + entry.data.length > blockBytes || isCrowded(block)) {
        block = { row, entries: [], places: [], bytes: 0 }
        filling.set(row.index, block)
        closed.push(block)
      }
      block.entries.push(entry)
      block.places.push([put, at])
      block.bytes += entry.data.length
    })
  })
  return pack(closed, moment, outcomes)
}

function isCrowded(block: OpenBlock): boolean {
  return block.entries.length >= maxBlockRecords
}

function pack(
  open: readonly OpenBlock[],
  { nextIndex, arrivalMs, ageMs }: CommitMoment,
  outcomes: PutOutcome[][]
): CommitPlan {
  const timeSeconds = sequenceSeconds(arrivalMs)
  let first = nextIndex
  const blocks = open.map(({ row, entries, places }) => {
    const shard = shardIdOf(row.index)
    const parts: SequenceParts = {
      shardIndex: row.index,
      shardCreatedSeconds: row.createdSeconds,
      index: first,
      timeSeconds
    }
    const sequenceOf = encodeSequenceAt(parts)
    places.forEach(([put, at], i) => {
      const answers = outcomes[put] as PutOutcome[]
      answers[at] = { status: 'stored', shard, sequence: sequenceOf(i) }
    })
    const place = { first, shard: row.index, count: entries.length, arrivalMs, ageMs }
    first += entries.length
    const marks = highestMarks(entries)
    return { block: packBlock(place, entries, marks), marks }
  })
  return { blocks, nextIndex: first, outcomes }
}

/** The time that stands in the sequence numbers of records that arrived at `arrivalMs`. */
export function sequenceSeconds(arrivalMs: number): number {
  return Math.min(Math.max(Math.floor(arrivalMs / 1000), 0), 2 ** 36 - 1)
}

/** Why an entry cannot be stored; undefined when it can. */
function judge(
  entry: PutEntry,
  row: ShardRow | undefined,
  maxRecordBytes: number
): PutOutcome | undefined {
  const bytes = entry.data.length + Buffer.byteLength(entry.partitionKey)
  if (bytes > maxRecordBytes) {
    const message = `the record has ${bytes} bytes with its key, the stream takes ${maxRecordBytes}`
    return { status: 'failed', message, retryable: false }
  }
  const { hashKey } = entry
  if (hashKey < 0n || hashKey >= hashSpace) {
    const message = `${hashKey} is not a hash key: 0 to 2^128 - 1`
    return { status: 'failed', message, retryable: false }
  }
  if (!row) return unknownShard(entry)
  if (row.closed) return { status: 'wrong_shard', message: `${entry.shard} is closed` }
  if (hashKey < row.range.start || hashKey > row.range.end) {
    const message = `hash key ${hashKey} is not in ${entry.shard}`
    return { status: 'wrong_shard', message }
  }
  return undefined
}

function unknownShard(entry: PutEntry): PutOutcome {
  return { status: 'wrong_shard', message: `no shard ${entry.shard} in this stream` }
}
