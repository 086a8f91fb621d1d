import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { Random } from '../../shared/random.ts'
import { encodeSequence } from '../../gateway/engines/sequence-number.ts'
import { type ShardRow, ShardTable } from '../../gateway/engines/embedded/shard-table.ts'
import { shardIdOf } from '../../gateway/engines/shard-id.ts'
import type {
  CreateOptions,
  PutEntry,
  PutOutcome,
  ReadRange,
  ReadResult,
  ShardId,
  ShardMark,
  ShardPosition,
  StreamAdmin,
  StreamDescription,
  StreamEngine,
  StreamRecord
} from '../../gateway/engines/engine.ts'

/** What goes wrong; all may be changed while the engine runs. Fractions are of 1. */
export interface Troubles {
  /** Entries answered `throttled`. */
  throttled?: number
  /** Entries answered `failed`, `retryable: true`. */
  failed?: number
  /** Puts that reject although all was stored, and puts that reject before anything was. */
  cutAfter?: number
  cutBefore?: number
  /** What a put takes. */
  latencyMs?: number
  /** The shard of the first entry is split before each put of this number: 10 is every tenth. */
  splitEvery?: number
}

export interface FakeEngineOptions {
  readonly clock: Clock
  readonly random: Random
  readonly troubles?: Troubles
  /** As the embedded engine: keeps marks, and refuses entries whose shard is not as expected. */
  readonly keepsMarks?: boolean
}

interface StoredRecord extends StreamRecord {
  readonly index: number
}

interface FakeStream {
  table: ShardTable
  maxRecordBytes: number
  /** By shard index, in order. */
  readonly records: Map<number, StoredRecord[]>
  /** By source, then shard. */
  readonly marks: Map<string, Map<ShardId, number>>
  nextIndex: number
}

/** An engine in memory that fails on demand; without marks it behaves as a remote one. */
export class FakeEngine implements StreamEngine, StreamAdmin {
  readonly name = 'fake engine'
  readonly keepsMarks: boolean
  readonly lingerMs = 5
  readonly troubles: Troubles
  /** Puts that arrived, whatever became of them. */
  puts = 0
  readonly #options: FakeEngineOptions
  readonly #streams = new Map<string, FakeStream>()
  readonly #listeners: ((stream: string) => void)[] = []
  readonly #waiting = new Set<() => void>()
  #stopped = false

  constructor(options: FakeEngineOptions) {
    this.#options = options
    this.keepsMarks = options.keepsMarks ?? false
    this.troubles = { ...options.troubles }
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake()
  }

  async streams(): Promise<readonly string[]> {
    return [...this.#streams.keys()].sort()
  }

  async describe(name: string): Promise<StreamDescription> {
    const { table, maxRecordBytes } = this.#stream(name)
    return {
      stream: name,
      shards: table.shards(),
      version: table.version,
      maxRecordBytes,
      maxPutEntries: 500,
      maxPutBytes: 10 * 1024 * 1024,
      distribution: 'key'
    }
  }

  onReshard(listener: (stream: string) => void): void {
    this.#listeners.push(listener)
  }

  async put(
    name: string,
    entries: readonly PutEntry[],
    signal: AbortSignal
  ): Promise<PutOutcome[]> {
    this.puts += 1
    const { latencyMs = 0, splitEvery = 0, cutBefore = 0, cutAfter = 0 } = this.troubles
    if (latencyMs > 0) await this.#options.clock.sleep(latencyMs, signal)
    if (signal.aborted) throw new HeadwaterError('unavailable', 'the put was given up')
    const stream = this.#stream(name)
    const [head] = entries
    if (head && splitEvery > 0 && this.puts % splitEvery === 0) await this.#trySplit(name, head)
    if (this.#happens(cutBefore)) throw new HeadwaterError('unavailable', 'connection cut')
    const outcomes = this.#putAll(stream, entries)
    this.#wake()
    if (this.#happens(cutAfter)) throw new HeadwaterError('unavailable', 'connection cut')
    return outcomes
  }

  async marks(name: string, source: string): Promise<readonly ShardMark[]> {
    const marks = this.#stream(name).marks.get(source) ?? new Map<ShardId, number>()
    return Array.from(marks, ([shard, seq]) => ({ shard, seq }))
  }

  async read(name: string, shard: ShardId, range: ReadRange): Promise<ReadResult> {
    const { table, records: byShard } = this.#stream(name)
    const row = table.require(shard)
    const all = byShard.get(row.index) ?? []
    const from = indexOf(all, range.from)
    let bytes = 0
    let to = from
    for (; to < all.length && to - from < range.maxRecords; to++) {
      bytes += all[to]?.data.length ?? 0
      if (bytes > range.maxBytes && to > from) break
    }
    const records = all.slice(from, to)
    const newest = all.at(-1)
    if (row.closed && to === all.length) return { records, behindMs: 0 }
    const behindMs =
      to === all.length
        ? 0
        : Math.max(1, (newest?.arrivalMs ?? 0) - (records.at(-1)?.arrivalMs ?? 0))
    const last = all[to - 1]
    const next: ShardPosition = last ? { at: 'after', sequence: last.sequence } : { at: 'start' }
    return { records, next, behindMs }
  }

  async changed(name: string, signal: AbortSignal): Promise<void> {
    this.#stream(name)
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  async create(name: string, options: CreateOptions): Promise<void> {
    if (this.#streams.has(name)) throw new HeadwaterError('conflict', `"${name}" exists already`)
    this.#streams.set(name, {
      table: ShardTable.uniform(options.shards, this.#seconds()),
      maxRecordBytes: options.maxRecordBytes ?? 1024 * 1024,
      records: new Map(),
      marks: new Map(),
      nextIndex: 0
    })
  }

  async delete(name: string): Promise<void> {
    this.#stream(name)
    this.#streams.delete(name)
    this.#reshaped(name)
  }

  async split(name: string, shard: ShardId, at?: bigint): Promise<readonly ShardId[]> {
    const stream = this.#stream(name)
    const { nextIndex } = stream.table
    stream.table = stream.table.split(shard, at, this.#moment(stream))
    this.#reshaped(name)
    return [shardIdOf(nextIndex), shardIdOf(nextIndex + 1)]
  }

  async merge(name: string, shard: ShardId, neighbour: ShardId): Promise<ShardId> {
    const stream = this.#stream(name)
    const { nextIndex } = stream.table
    stream.table = stream.table.merge(shard, neighbour, this.#moment(stream))
    this.#reshaped(name)
    return shardIdOf(nextIndex)
  }

  /** As UpdateMaxRecordSize does. */
  limitRecords(name: string, maxRecordBytes: number): void {
    this.#stream(name).maxRecordBytes = maxRecordBytes
    this.#reshaped(name)
  }

  /** Everything stored in a shard, in order, for assertions. */
  stored(name: string, shard: ShardId): readonly StreamRecord[] {
    const { table, records } = this.#stream(name)
    return records.get(table.require(shard).index) ?? []
  }

  /** With marks, nothing is stored behind an entry for the same shard that may be sent again. */
  #putAll(stream: FakeStream, entries: readonly PutEntry[]): PutOutcome[] {
    const stuck = new Set<ShardId>()
    return entries.map((entry) => {
      if (stuck.has(entry.shard)) {
        return { status: 'failed', message: 'one before it failed', retryable: true }
      }
      const outcome = this.#putOne(stream, entry)
      const settled = outcome.status === 'stored' || ('retryable' in outcome && !outcome.retryable)
      if (this.keepsMarks && !settled) stuck.add(entry.shard)
      return outcome
    })
  }

  #putOne(stream: FakeStream, entry: PutEntry): PutOutcome {
    const { throttled = 0, failed = 0 } = this.troubles
    if (entry.data.length + Buffer.byteLength(entry.partitionKey) > stream.maxRecordBytes) {
      return { status: 'failed', message: 'the record is too large', retryable: false }
    }
    if (this.#happens(throttled)) return { status: 'throttled', message: 'rate exceeded' }
    if (this.#happens(failed)) {
      return { status: 'failed', message: 'internal failure', retryable: true }
    }
    const hash = entry.hashKey
    const row = stream.table.rows.find(
      (one) => !one.closed && one.range.start <= hash && hash <= one.range.end
    )
    if (!row) return { status: 'failed', message: 'hash key out of range', retryable: false }
    if (this.keepsMarks && shardIdOf(row.index) !== entry.shard) {
      return { status: 'wrong_shard', message: `${entry.shard} does not take this hash key` }
    }
    return this.#store(stream, row, entry)
  }

  #store(stream: FakeStream, row: ShardRow, entry: PutEntry): PutOutcome {
    const index = stream.nextIndex
    stream.nextIndex += 1
    const sequence = encodeSequence({
      shardIndex: row.index,
      shardCreatedSeconds: row.createdSeconds,
      index,
      timeSeconds: this.#seconds()
    })
    const { partitionKey } = entry
    const arrivalMs = this.#options.clock.wallMs()
    const records = stream.records.get(row.index) ?? []
    stream.records.set(row.index, records)
    records.push({ index, sequence, partitionKey, data: Buffer.from(entry.data), arrivalMs })
    const shard = shardIdOf(row.index)
    for (const { source, seq } of this.keepsMarks ? entry.marks : []) {
      const marks = stream.marks.get(source) ?? new Map<ShardId, number>()
      stream.marks.set(source, marks.set(shard, Math.max(seq, marks.get(shard) ?? 0)))
    }
    return { status: 'stored', shard, sequence }
  }

  async #trySplit(name: string, { hashKey: hash }: PutEntry): Promise<void> {
    const row = this.#stream(name).table.rows.find(
      (one) => !one.closed && one.range.start <= hash && hash <= one.range.end
    )
    if (row && row.range.end - row.range.start > 8n) await this.split(name, shardIdOf(row.index))
  }

  #happens(fraction: number): boolean {
    return fraction > 0 && this.#options.random.fraction() < fraction
  }

  #moment(stream: FakeStream) {
    return { atIndex: stream.nextIndex, ageMs: 0, wallSeconds: this.#seconds() }
  }

  #seconds(): number {
    return Math.floor(this.#options.clock.wallMs() / 1000)
  }

  #reshaped(name: string): void {
    this.#wake()
    for (const listener of this.#listeners) listener(name)
  }

  #wake(): void {
    for (const done of this.#waiting) done()
  }

  #stream(name: string): FakeStream {
    if (this.#stopped) throw new HeadwaterError('unavailable', 'the engine is stopped')
    const stream = this.#streams.get(name)
    if (stream) return stream
    throw new HeadwaterError('unknown_stream', `no stream "${name}"`)
  }
}

/** Position in `records` of the first that a read from `position` gives. */
function indexOf(records: readonly StoredRecord[], position: ShardPosition): number {
  const isAhead = (record: StoredRecord): boolean => {
    switch (position.at) {
      case 'start':
        return true
      case 'end':
        return false
      case 'time':
        return record.arrivalMs >= position.timeMs
      case 'sequence':
        return BigInt(record.sequence) >= BigInt(position.sequence)
      default:
        return BigInt(record.sequence) > BigInt(position.sequence)
    }
  }
  const at = records.findIndex(isAhead)
  return at === -1 ? records.length : at
}
