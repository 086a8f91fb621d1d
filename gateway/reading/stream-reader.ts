import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import { decodeSequence, type SequenceParts } from '../engines/sequence-number.ts'
import { shardIdOf } from '../engines/shard-id.ts'
import type { Shard, ShardId, ShardPosition, StreamEngine } from '../engines/engine.ts'
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts'
import { RepeatFilter } from './repeat-filter.ts'
import { ShardCursor } from './shard-cursor.ts'
import type { UserRecord } from './user-record.ts'

/**
 * Where a reader begins. At a sequence number: the shard that the number belongs to begins there,
 * the others at the second in which that record was stored, which is part of the number.
 */
export type ReadFrom =
  | 'start'
  | 'end'
  | { readonly timeMs: number }
  | { readonly sequence: string }
  /** Text of `StreamReader.checkpoint`. */
  | { readonly checkpoint: string }

export interface ReaderOptions {
  readonly stream: string
  readonly from: ReadFrom
  /** Only this shard, without its children. */
  readonly shard?: ShardId
  /** Wait for more at the end; otherwise the reading ends when all that there was has been read. */
  readonly follow: boolean
  /** User records after which the reading ends. From 1. */
  readonly limit?: number
  /** Sources known in each shard, shared by the ranges of a merged one; default 100,000. */
  readonly maxMarks?: number
  readonly signal: AbortSignal
}

/** What is asked of the engine at a time. */
const readLimit = { maxRecords: 1_000, maxBytes: 2 * 1024 * 1024 } as const
const defaultMaxMarks = 100_000

/**
 * Reads a stream over all its shards, parents before children, through splits and merges: each
 * user record once, in order per partition key, as far as the records carry identity. Where an engine
 * cannot refuse what lands in another shard than expected, an aggregate of several keys that was on
 * its way during a split is read with the shard it landed in, beside its successors.
 */
export class StreamReader {
  readonly #engine: StreamEngine
  readonly #options: ReaderOptions
  readonly #maxMarks: number
  /** Shards as they were described last, by id. */
  #shards: ReadonlyMap<ShardId, Shard> = new Map()
  readonly #cursors = new Map<ShardId, ShardCursor>()
  #left: number

  /** Throws `invalid` for a sequence number or a checkpoint that is none. */
  constructor(engine: StreamEngine, options: ReaderOptions) {
    this.#engine = engine
    this.#options = options
    this.#maxMarks = options.maxMarks ?? defaultMaxMarks
    this.#left = options.limit ?? Number.POSITIVE_INFINITY
    if (isCheckpoint(options.from)) this.#resume(options.from.checkpoint)
  }

  /**
   * Ends when `signal` aborts, at the limit, at the end of the only shard asked for, and without
   * `follow` when all has been read. Rejects with `unknown_stream`, also when the stream is deleted
   * meanwhile, and with `not_found` for an unknown shard.
   */
  async *records(): AsyncGenerator<readonly UserRecord[]> {
    const { stream, follow } = this.#options
    const ended = new AbortController()
    const signal = AbortSignal.any([this.#options.signal, ended.signal])
    let change: Promise<void> | undefined
    try {
      await this.#discover({ first: this.#cursors.size === 0 })
      while (!signal.aborted) {
        // Asked for before reading: what comes between a read and the wait must end the wait.
        if (follow && !change) {
          change = this.#engine.changed(stream, signal)
          change.catch(() => undefined)
        }
        let moved = false
        for (const cursor of this.#ready()) {
          const batch = await this.#readOne(cursor)
          moved ||= batch !== undefined
          if (batch && batch.length > 0) yield batch
          if (this.#left <= 0 || signal.aborted) return
        }
        if (moved) continue
        if (!follow || this.#isOver()) return
        await change
        change = undefined
      }
    } finally {
      ended.abort()
    }
  }

  /**
   * A reader that begins with this text goes on behind the batch that was handed out last. To be
   * asked for between two batches, when the last one has been dealt with.
   */
  checkpoint(): string {
    const shards = Array.from(this.#cursors.values(), (cursor) => cursor.save())
    return encodeCheckpoint({ stream: this.#options.stream, shards })
  }

  /** Undefined when there was nothing, which at the end of a closed shard it is not. */
  async #readOne(cursor: ShardCursor): Promise<UserRecord[] | undefined> {
    const { stream, follow } = this.#options
    const result = await this.#engine
      .read(stream, cursor.shard, { from: cursor.next, ...readLimit })
      .catch((thrown: unknown) => {
        // The shard has expired while it was being read: there is nothing left of it.
        if (asHeadwaterError(thrown).code === 'not_found') return { records: [], behindMs: 0 }
        throw thrown
      })
    const records = cursor.take(stream, result, this.#left)
    this.#left -= records.length
    // A closed shard has no tip: it is read until there is no place to go on from.
    const isAtTip = result.behindMs === 0 && this.#shards.get(cursor.shard)?.open === true
    if (cursor.done) await this.#discover({ first: false })
    else if (!follow && isAtTip && this.#left > 0) cursor.atTip = true
    const isIdle = result.records.length === 0 && isAtTip
    return isIdle && !cursor.done ? undefined : records
  }

  /** Shards whose parents are done; what the parents knew of repeats goes over to them. */
  #ready(): ShardCursor[] {
    const ready: ShardCursor[] = []
    for (const cursor of this.#cursors.values()) {
      if (cursor.done || cursor.atTip) continue
      const shard = this.#shards.get(cursor.shard)
      const parents = (shard?.parents ?? []).flatMap((id) => this.#cursors.get(id) ?? [])
      if (parents.some((parent) => !parent.done)) continue
      if (shard) cursor.begin(shard.range, parents, this.#maxMarks)
      ready.push(cursor)
    }
    this.#releaseParents()
    return ready
  }

  #releaseParents(): void {
    const needed = new Set<ShardId>()
    for (const shard of this.#shards.values()) {
      if (this.#cursors.get(shard.id)?.filter) continue
      for (const parent of shard.parents) needed.add(parent)
    }
    for (const cursor of this.#cursors.values()) {
      if (cursor.done && !needed.has(cursor.shard)) cursor.filter = undefined
    }
  }

  /** Takes up shards that are new, and forgets those that are done and expired. */
  async #discover({ first }: { first: boolean }): Promise<void> {
    const { stream, from, shard: only } = this.#options
    const { shards } = await this.#engine.describe(stream)
    this.#shards = new Map(shards.map((shard) => [shard.id, shard]))
    if (only !== undefined && first && !this.#shards.has(only)) {
      throw new HeadwaterError('not_found', `no shard ${only} in stream "${stream}"`)
    }
    for (const shard of shards) {
      if (this.#cursors.has(shard.id) || (only !== undefined && shard.id !== only)) continue
      this.#cursors.set(shard.id, first ? this.#begin(shard) : startOf(shard))
    }
    if (first && (only !== undefined || from === 'end')) {
      const filters = RepeatFilter.unread(shards, this.#maxMarks)
      for (const [id, cursor] of this.#cursors) cursor.filter = filters.get(id)
    }
    for (const [id, cursor] of this.#cursors) {
      if (cursor.done && !this.#shards.has(id)) this.#cursors.delete(id)
    }
  }

  #begin(shard: Shard): ShardCursor {
    const cursor = new ShardCursor(shard.id, this.#position(shard.id))
    // What a closed shard holds came before now.
    cursor.done = this.#options.from === 'end' && !shard.open
    return cursor
  }

  #position(shard: ShardId): ShardPosition {
    const { from, shard: only } = this.#options
    if (from === 'start' || from === 'end') return { at: from }
    if ('timeMs' in from) return { at: 'time', timeMs: from.timeMs }
    if (!('sequence' in from)) return { at: 'start' }
    const parts = parseSequence(from.sequence)
    if (only !== undefined || shardIdOf(parts.shardIndex) === shard) {
      return { at: 'sequence', sequence: from.sequence }
    }
    return { at: 'time', timeMs: parts.timeSeconds * 1000 }
  }

  #resume(text: string): void {
    const { stream, shards } = decodeCheckpoint(text)
    if (stream !== this.#options.stream) {
      throw new HeadwaterError(
        'invalid',
        `the checkpoint is of stream "${stream}", not of "${this.#options.stream}"`
      )
    }
    for (const saved of shards) {
      this.#cursors.set(saved.shard, ShardCursor.resume(saved, this.#maxMarks))
    }
  }

  #isOver(): boolean {
    return [...this.#cursors.values()].every((cursor) => cursor.done)
  }
}

function startOf(shard: Shard): ShardCursor {
  return new ShardCursor(shard.id, { at: 'start' })
}

function isCheckpoint(from: ReadFrom): from is { readonly checkpoint: string } {
  return typeof from === 'object' && 'checkpoint' in from
}

function parseSequence(text: string): SequenceParts {
  const parts = decodeSequence(text)
  if (parts) return parts
  throw new HeadwaterError('invalid', `"${text}" is not a sequence number`)
}
