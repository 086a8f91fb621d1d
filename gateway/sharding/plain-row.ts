import { runLength } from '../../shared/kpl/aggregate-writer.ts'
import { sourceKey } from '../../shared/kpl/kpl.ts'
import { keyOf } from '../../shared/record.ts'
import type { Mark } from '../engines/engine.ts'
import type { HashKeyCache } from './hash-key-cache.ts'
import type { LooseRecord, Parcel, ParcelRow, PutLimit, Run, Span } from './parcel.ts'
import { ParcelQueue, type Sharing } from './parcel-queue.ts'

/** Records as they are, one an entry, without identity: for consumers that do not de-aggregate. */
export class PlainRow implements ParcelRow {
  readonly #hashes: HashKeyCache
  readonly #queue: ParcelQueue
  #sinceMs = 0

  constructor(options: { readonly hashes: HashKeyCache; readonly sharing: Sharing }) {
    this.#hashes = options.hashes
    this.#queue = new ParcelQueue(options.sharing)
  }

  get records(): number {
    return this.#queue.records
  }

  get bytes(): number {
    return this.#queue.bytes
  }

  get full(): boolean {
    return false
  }

  get sinceMs(): number {
    return this.#sinceMs
  }

  add(run: Run, nowMs: number): void {
    if (this.#queue.length === 0) this.#sinceMs = nowMs
    const dated = { ...run, source: { ...run.source, clock: run.clock } }
    const end = runLength(run)
    for (let p = 0; p < end; p++) {
      this.#queue.push(this.#parcelOf(dated, run.indexes ? (run.indexes[p] as number) : p))
    }
  }

  shift(limit: PutLimit): Parcel[] {
    return this.#queue.shift(limit)
  }

  unshift(parcels: readonly Parcel[]): void {
    this.#queue.unshift(parcels)
  }

  drain(): Parcel[] {
    return this.#queue.drain()
  }

  #parcelOf(run: Run, index: number): Parcel {
    const { records, offsets } = run
    const view = records.data.subarray(offsets[index], offsets[index + 1])
    return new PlainParcel(this.#hashes, {
      batch: run.batch,
      source: run.source,
      repeatable: run.repeatable,
      seq: run.first + index,
      partitionKey: keyOf(records, index),
      time: (records.times[index] ?? 0) + run.offsetMs,
      // A view would keep the whole batch in memory for as long as its last record waits.
      data: Buffer.from(view),
      attributes: records.attributes?.[index] ?? null
    })
  }
}

class PlainParcel implements Parcel {
  readonly partitionKey: string
  readonly hashKey: bigint
  readonly data: Buffer
  readonly marks: readonly Mark[]
  readonly spans: readonly Span[]
  readonly records = 1
  readonly #record: LooseRecord

  constructor(hashes: HashKeyCache, record: LooseRecord) {
    this.partitionKey = record.partitionKey
    this.hashKey = hashes.get(record.partitionKey)
    this.data = record.data
    this.marks = record.repeatable ? [{ source: sourceKey(record.source), seq: record.seq }] : []
    this.spans = [{ batch: record.batch, records: 1 }]
    this.#record = record
  }

  unpack(): LooseRecord[] {
    return [this.#record]
  }
}
