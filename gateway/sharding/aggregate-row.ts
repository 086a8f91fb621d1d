import { AggregateWriter, runLength } from '../../shared/kpl/aggregate-writer.ts'
import { keyOf } from '../../shared/record.ts'
import type { Mark } from '../engines/engine.ts'
import { AggregateParcel } from './aggregate-parcel.ts'
import { FillTarget } from './fill-target.ts'
import type { HashKeyCache } from './hash-key-cache.ts'
import {
  overheadBytes,
  type Parcel,
  type ParcelRow,
  type PutLimit,
  type Run,
  type Span
} from './parcel.ts'
import { ParcelQueue, type Sharing } from './parcel-queue.ts'

/** KPL gives every aggregate this key; the explicit hash key decides where it goes. */
const outerKey = 'a'

export interface AggregateRowOptions {
  /** May change between two runs. */
  readonly maxBytes: () => number
  /** What puts are billed by: an aggregate that is followed by more ends just below a multiple. */
  readonly unitBytes?: number
  /** Only records of one partition key in an aggregate, which then carries that key. */
  readonly perKey: boolean
  /** `all` or `none`: readers take an aggregate behind a newer one for a repeat. */
  readonly sharing: Sharing
  readonly hashes: HashKeyCache
}

/** Records packed as KPL aggregates as they come. */
export class AggregateRow implements ParcelRow {
  readonly #options: AggregateRowOptions
  /** Told before each use how much it may write. */
  readonly #writer = new AggregateWriter(0)
  readonly #target: FillTarget
  readonly #closed: ParcelQueue
  #open = new OpenAggregate(outerKey, 0n)
  #sinceMs = 0

  constructor(options: AggregateRowOptions) {
    this.#options = options
    this.#target = new FillTarget(options)
    this.#closed = new ParcelQueue(options.sharing)
  }

  get records(): number {
    return this.#closed.records + this.#writer.count
  }

  get bytes(): number {
    const open = this.#writer.count > 0 ? this.#writer.bytes + this.#open.overheadBytes : 0
    return this.#closed.bytes + open
  }

  get full(): boolean {
    return this.#closed.length > 0
  }

  get sinceMs(): number {
    return this.#sinceMs
  }

  add(run: Run, nowMs: number): void {
    const end = runLength(run)
    let at = 0
    while (at < end) {
      const key = keyAt(run, at)
      if (this.#writer.count > 0 && this.#options.perKey && key !== this.#open.partitionKey) {
        this.#close()
      }
      if (this.#writer.count === 0) this.#begin(key, nowMs)
      this.#target.aim(this.#closed.length, () => this.#writer.bytes + dataBytes(run, at))
      this.#writer.allow(this.#target.bytes)
      const to = this.#options.perKey ? endOfKey(run, at, end) : end
      const next = this.#writer.add(run, at, to)
      if (next > at) this.#open.note(run, next - at, run.first + indexAt(run, next - 1))
      if (next < to && !this.#target.extend(this.#writer.bytes)) this.#close()
      at = next
    }
  }

  shift(limit: PutLimit): Parcel[] {
    if (this.#closed.length === 0 || this.#options.sharing === 'all') this.#close()
    return this.#closed.shift(limit)
  }

  unshift(parcels: readonly Parcel[]): void {
    this.#closed.unshift(parcels)
  }

  drain(): Parcel[] {
    this.#close()
    return this.#closed.drain()
  }

  #begin(key: string, nowMs: number): void {
    const hash = this.#options.hashes.get(key)
    this.#open = new OpenAggregate(this.#options.perKey ? key : outerKey, hash)
    this.#writer.begin(hash.toString())
    this.#target.begin()
    this.#sinceMs = nowMs
  }

  #close(): void {
    const records = this.#writer.count
    if (records === 0) return
    this.#closed.push(this.#open.close(this.#writer.finish(), records))
  }
}

function indexAt(run: Run, position: number): number {
  return run.indexes ? (run.indexes[position] as number) : position
}

function keyAt(run: Run, position: number): string {
  return keyOf(run.records, indexAt(run, position))
}

/** Of the records from position `from` on. */
function dataBytes({ records, offsets, indexes }: Run, from: number): number {
  if (!indexes) return records.data.length - (offsets[from] as number)
  let bytes = 0
  for (let p = from; p < indexes.length; p++) bytes += records.lens[indexes[p] as number] as number
  return bytes
}

/** The position behind the last record in a row that has the key of the one at `from`. */
function endOfKey(run: Run, from: number, end: number): number {
  const { key } = run.records
  if (!key) return end
  const wanted = key[indexAt(run, from)]
  let at = from + 1
  while (at < end && key[indexAt(run, at)] === wanted) at++
  return at
}

/** What is kept beside the bytes of the aggregate that is being written. */
class OpenAggregate {
  readonly partitionKey: string
  readonly #hashKey: bigint
  readonly #spans: Span[] = []
  readonly #marks = new Map<string, number>()

  constructor(partitionKey: string, hashKey: bigint) {
    this.partitionKey = partitionKey
    this.#hashKey = hashKey
  }

  get overheadBytes(): number {
    return this.#spans.length * overheadBytes
  }

  note(run: Run, records: number, lastSeq: number): void {
    this.#spans.push({ batch: run.batch, records })
    if (run.repeatable) this.#marks.set(run.sourceKey, lastSeq)
  }

  close(data: Buffer, records: number): Parcel {
    const marks: Mark[] = []
    for (const [source, seq] of this.#marks) marks.push({ source, seq })
    const { partitionKey } = this
    const hashKey = this.#hashKey
    const spans = this.#spans
    return new AggregateParcel({ partitionKey, hashKey, data, marks, spans, records })
  }
}
