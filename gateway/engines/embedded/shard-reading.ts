import { HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import type { ReadRange, StreamRecord } from '../engine.ts'
import { type Block, decodeIndex, isIntact } from './block.ts'
import type { BlockOutline, SegmentReader } from './segment-reader.ts'
import { encodeSequenceAt } from '../sequence-number.ts'
import { maxBlockRecords, sequenceSeconds } from './commit-plan.ts'
import type { ShardRow } from './shard-table.ts'

/** Lends a segment by its first sequence index; does nothing when it has expired meanwhile. */
type LendSegment = (first: number, work: (reader: SegmentReader) => Promise<void>) => Promise<void>

/** Block outlines taken at a time. */
const outlineBlocks = 200

/** Reads one shard from a sequence index on, over all segments that may hold something of it. */
export class ShardReading {
  readonly #shard: ShardRow
  readonly #limit: Omit<ReadRange, 'from'>
  readonly #log: Log
  readonly records: StreamRecord[] = []
  /** Sequence index behind the last record that was read, or that was found to be unreadable. */
  from: number
  /** Blocks that were passed over because they are not what was stored. */
  corruptBlocks = 0
  #bytes = 0
  #full = false

  constructor(
    shard: ShardRow,
    from: number,
    options: { limit: Omit<ReadRange, 'from'>; log: Log }
  ) {
    this.#shard = shard
    this.from = from
    this.#limit = options.limit
    this.#log = options.log
  }

  /** Whether the limit ended the reading; otherwise the shard has nothing more. */
  get full(): boolean {
    return this.#full
  }

  /** `firsts`: of all segments, rising. */
  async run(firsts: readonly number[], lend: LendSegment): Promise<void> {
    const holding = firsts.findLastIndex((first) => first <= this.from)
    for (const first of firsts.slice(Math.max(holding, 0))) {
      if (this.#full || first >= (this.#shard.closed?.atIndex ?? Number.POSITIVE_INFINITY)) return
      await lend(first, (reader) => this.#readSegment(reader))
    }
  }

  async #readSegment(reader: SegmentReader): Promise<void> {
    while (!this.#full) {
      const outline = await reader.outline(this.#shard.index, this.from, outlineBlocks)
      const [first] = outline
      this.#full = first !== undefined && this.#isSpent()
      if (!first || this.#full) return
      const last = this.#lastThatFits(outline)
      const blocks = await reader.blocks(this.#shard.index, first.first, last.first)
      // The outline comes from an index of SQLite, the blocks from the table itself.
      if (
        blocks.some(({ first }, i) => first !== outline[i]?.first) ||
        blocks.at(-1)?.first !== last.first
      ) {
        throw new HeadwaterError('store_corrupt', 'the index of a segment differs from its blocks')
      }
      blocks.forEach((block, i) => {
        if (this.#full) return
        if (isIntact(block)) this.#readBlock(block)
        else this.#passOver(block, blocks[i + 1])
      })
    }
  }

  #lastThatFits(outline: readonly BlockOutline[]): BlockOutline {
    let records = this.#limit.maxRecords - this.records.length
    let bytes = this.#limit.maxBytes - this.#bytes
    const last = outline.find((block) => {
      records -= block.count
      bytes -= block.bytes
      return records <= 0 || bytes <= 0
    })
    return last ?? (outline.at(-1) as BlockOutline)
  }

  #readBlock(block: Block): void {
    const { first, count, arrivalMs } = block
    const { keys, key, lens } = decodeIndex(block.index)
    const sequenceOf = encodeSequenceAt({
      shardIndex: this.#shard.index,
      shardCreatedSeconds: this.#shard.createdSeconds,
      index: first,
      timeSeconds: sequenceSeconds(arrivalMs)
    })
    let at = 0
    for (let i = 0; i < count; i++) {
      const end = at + (lens[i] ?? 0)
      if (first + i >= this.from) {
        if (this.#isOver(end - at)) return
        this.records.push({
          sequence: sequenceOf(i),
          partitionKey: keys[key?.[i] ?? 0] ?? '',
          data: block.data.subarray(at, end),
          arrivalMs
        })
        this.#bytes += end - at
        this.from = first + i + 1
      }
      at = end
    }
  }

  #passOver(block: Block, next: Block | undefined): void {
    const { first, count, shard } = block
    this.corruptBlocks += 1
    this.#log.error({ first, count, shard }, 'a damaged block was passed over')
    // Its count may be damaged too.
    this.from = next?.first ?? first + Math.min(Math.max(count, 1), maxBlockRecords)
  }

  /** Whether not even an empty record may follow. */
  #isSpent(): boolean {
    const { maxRecords, maxBytes } = this.#limit
    const { length } = this.records
    return length > 0 && (length >= maxRecords || this.#bytes >= maxBytes)
  }

  /** Whether a record of so many bytes is too much; the first one never is. */
  #isOver(bytes: number): boolean {
    const { maxRecords, maxBytes } = this.#limit
    this.#full =
      this.records.length > 0 &&
      (this.records.length >= maxRecords || this.#bytes + bytes > maxBytes)
    return this.#full
  }
}
