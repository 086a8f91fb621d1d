import { runLength } from '../../shared/kpl/aggregate-writer.ts'
import { sourceKey } from '../../shared/kpl/kpl.ts'
import { keyOf } from '../../shared/record.ts'
import type { Mark } from '../engines/engine.ts'
import type { HashKeyCache } from './hash-key-cache.ts'
import {
  entryBytes,
  heldBytes,
  type LooseRecord,
  type Parcel,
  type ParcelRow,
  type PutLimit,
  type Run,
  type Span
} from './parcel.ts'

export interface PlainRowOptions {
  readonly hashes: HashKeyCache
  /**
   * Whether records of one partition key may share a put: the engine then stores the entries for a
   * shard in order and none behind one that it refuses for now.
   */
  readonly sharedKeys: boolean
}

/** Records as they are, one an entry, without identity: for consumers that do not de-aggregate. */
export class PlainRow implements ParcelRow {
  readonly #options: PlainRowOptions
  #parcels: Parcel[] = []
  #bytes = 0
  #sinceMs = 0

  constructor(options: PlainRowOptions) {
    this.#options = options
  }

  get records(): number {
    return this.#parcels.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get full(): boolean {
    return false
  }

  get sinceMs(): number {
    return this.#sinceMs
  }

  add(run: Run, nowMs: number): void {
    if (this.#parcels.length === 0) this.#sinceMs = nowMs
    const end = runLength(run)
    for (let p = 0; p < end; p++) {
      const parcel = this.#parcelOf(run, run.indexes ? (run.indexes[p] as number) : p)
      this.#parcels.push(parcel)
      this.#bytes += heldBytes(parcel)
    }
  }

  shift(limit: PutLimit): Parcel[] {
    const keys = new Set<string>()
    let bytes = 0
    let count = 0
    for (const parcel of this.#parcels) {
      bytes += entryBytes(parcel)
      const shared = !this.#options.sharedKeys && keys.has(parcel.partitionKey)
      if (count > 0 && (shared || count >= limit.entries || bytes > limit.bytes)) break
      keys.add(parcel.partitionKey)
      count += 1
    }
    const taken = this.#parcels.splice(0, count)
    for (const parcel of taken) this.#bytes -= heldBytes(parcel)
    return taken
  }

  unshift(parcels: readonly Parcel[]): void {
    this.#parcels = [...parcels, ...this.#parcels]
    for (const parcel of parcels) this.#bytes += heldBytes(parcel)
  }

  drain(): Parcel[] {
    this.#bytes = 0
    return this.#parcels.splice(0)
  }

  #parcelOf(run: Run, index: number): Parcel {
    const { records, offsets } = run
    const view = records.data.subarray(offsets[index], offsets[index + 1])
    return new PlainParcel(this.#options.hashes, {
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
  readonly explicitHashKey: string
  readonly data: Buffer
  readonly marks: readonly Mark[]
  readonly spans: readonly Span[]
  readonly records = 1
  readonly #record: LooseRecord

  constructor(hashes: HashKeyCache, record: LooseRecord) {
    this.partitionKey = record.partitionKey
    this.explicitHashKey = hashes.get(record.partitionKey).toString()
    this.data = record.data
    this.marks = record.repeatable ? [{ source: sourceKey(record.source), seq: record.seq }] : []
    this.spans = [{ batch: record.batch, records: 1 }]
    this.#record = record
  }

  unpack(): LooseRecord[] {
    return [this.#record]
  }
}
