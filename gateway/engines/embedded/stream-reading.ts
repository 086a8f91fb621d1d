import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import type { ReadRange, ReadResult, ShardPosition } from '../engine.ts'
import type { SegmentReader } from './segment-reader.ts'
import { decodeSequence, encodeSequence } from '../sequence-number.ts'
import { ShardReading } from './shard-reading.ts'
import type { ShardRow } from './shard-table.ts'
import { shardIdOf } from '../shard-id.ts'
import type { StreamLog } from './stream-log.ts'

interface StreamReadingOptions {
  readonly log: Log
  /** `StreamLog.repair`, when no commit is under way. */
  readonly repair: (first: number, seen: number) => Promise<void>
}

/** Answers reads of one stream. */
export class StreamReading {
  readonly #records: StreamLog
  readonly #options: StreamReadingOptions
  corruptBlocks = 0

  constructor(records: StreamLog, options: StreamReadingOptions) {
    this.#records = records
    this.#options = options
  }

  async read(shard: ShardRow, range: ReadRange): Promise<ReadResult> {
    // Before anything is awaited: what becomes durable later is for the next read.
    const { end } = this.#records.memory
    const from = await this.#resolve(shard, range.from)
    const reading = new ShardReading(shard, from, { limit: range, log: this.#options.log })
    if (from < this.#endOf(shard, end)) {
      await reading.run(this.#records.firsts, async (first, work) => {
        await this.#lend(first, work)
      })
    }
    this.corruptBlocks += reading.corruptBlocks
    const { records } = reading
    if (!reading.full && shard.closed) return { records, behindMs: 0 }
    const next = reading.full ? reading.from : Math.max(reading.from, end)
    return {
      records,
      next: { at: 'sequence', sequence: positionSequence(shard, next) },
      behindMs: reading.full ? this.#behindMs(shard, records.at(-1)?.arrivalMs ?? 0) : 0
    }
  }

  /** Behind the last record of a shard, or behind all there is when its last one is not known. */
  #endOf(shard: ShardRow, end: number): number {
    return this.#records.memory.tips.get(shard.index)?.end ?? end
  }

  #behindMs(shard: ShardRow, arrivalMs: number): number {
    const newestMs = this.#records.memory.tips.get(shard.index)?.arrivalMs ?? arrivalMs
    return Math.max(1, newestMs - arrivalMs)
  }

  async #resolve(shard: ShardRow, position: ShardPosition): Promise<number> {
    if (position.at === 'start') return 0
    if (position.at === 'end') return this.#records.memory.end
    if (position.at === 'time') return this.#indexSince(shard, position.timeMs)
    const parts = decodeSequence(position.sequence)
    if (parts?.shardIndex !== shard.index) {
      throw new HeadwaterError(
        'invalid',
        `${position.sequence} is not a sequence number of ${shardIdOf(shard.index)}`
      )
    }
    return position.at === 'after' ? parts.index + 1 : parts.index
  }

  /** Sequence index of the first record of a shard that arrived at or after a time. */
  async #indexSince(shard: ShardRow, timeMs: number): Promise<number> {
    const { firsts, memory } = this.#records
    const end = memory.end
    let low = 0
    let high = firsts.length
    while (low < high) {
      const middle = (low + high) >> 1
      const newestMs = await this.#lend(firsts[middle] ?? 0, (reader) => reader.newestArrivalMs())
      if (newestMs === undefined || newestMs < timeMs) low = middle + 1
      else high = middle
    }
    for (const first of firsts.slice(low)) {
      const found = await this.#lend(first, (reader) => reader.firstSince(shard.index, timeMs))
      if (found !== undefined) return found
    }
    return end
  }

  async #lend<T>(
    first: number,
    work: (reader: SegmentReader) => Promise<T>
  ): Promise<T | undefined> {
    const seen = this.#records.salvaged
    try {
      return await this.#records.read(first, work)
    } catch (thrown) {
      if (asHeadwaterError(thrown).code !== 'store_corrupt') throw thrown
      await this.#options.repair(first, seen)
      return this.#records.read(first, work)
    }
  }
}

/** A sequence number for a place where no record need be. */
function positionSequence(shard: ShardRow, index: number): string {
  return encodeSequence({
    shardIndex: shard.index,
    shardCreatedSeconds: shard.createdSeconds,
    index,
    timeSeconds: 0
  })
}
