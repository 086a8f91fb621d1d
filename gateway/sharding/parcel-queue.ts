import { entryBytes, heldBytes, type Parcel, type PutLimit } from './parcel.ts'

/**
 * Which parcels of one shard may go in one put. `all`: the engine stores them in order and none
 * behind one that it refuses for now; the one that it may come to refuse for good goes last.
 * `distinct-keys`: any of them may fail alone, so only the order between keys is free. `none`: any
 * may fail alone, and all of them must keep their order.
 */
export type Sharing = 'all' | 'distinct-keys' | 'none'

/**
 * The largest record of a stream can be set anew, but to no less than this (UpdateMaxRecordSize of
 * Kinesis, 1 MiB). A larger parcel may have become too large since it was packed, and what is stored
 * behind one that is refused makes repeats of its records.
 */
const alwaysTakenBytes = 1024 * 1024

/** Finished parcels in order. */
export class ParcelQueue {
  readonly #sharing: Sharing
  #parcels: Parcel[] = []
  /** Where the oldest is; what was taken before it goes when it is half of the array. */
  #head = 0
  #records = 0
  #bytes = 0

  constructor(sharing: Sharing) {
    this.#sharing = sharing
  }

  get length(): number {
    return this.#parcels.length - this.#head
  }

  get records(): number {
    return this.#records
  }

  /** Bytes held in memory. */
  get bytes(): number {
    return this.#bytes
  }

  push(parcel: Parcel): void {
    this.#parcels.push(parcel)
    this.#count(parcel, 1)
  }

  unshift(parcels: readonly Parcel[]): void {
    this.#parcels = [...parcels, ...this.#parcels.slice(this.#head)]
    this.#head = 0
    for (const parcel of parcels) this.#count(parcel, 1)
  }

  /** Takes the oldest out, as many as may share a put within `limit`; at least one if there is one. */
  shift(limit: PutLimit): Parcel[] {
    const taken = this.#parcels.slice(this.#head, this.#head + this.#sharers(limit))
    this.#head += taken.length
    if (this.#head * 2 >= this.#parcels.length) {
      this.#parcels = this.#parcels.slice(this.#head)
      this.#head = 0
    }
    for (const parcel of taken) this.#count(parcel, -1)
    return taken
  }

  drain(): Parcel[] {
    this.#records = 0
    this.#bytes = 0
    const left = this.#parcels.slice(this.#head)
    this.#parcels = []
    this.#head = 0
    return left
  }

  #sharers(limit: PutLimit): number {
    if (this.#sharing === 'none') return 1
    const keys = new Set<string>()
    let bytes = 0
    let count = 0
    for (let at = this.#head; at < this.#parcels.length; at++) {
      const parcel = this.#parcels[at] as Parcel
      const parcelBytes = entryBytes(parcel)
      bytes += parcelBytes
      const again = this.#sharing === 'distinct-keys' && keys.has(parcel.partitionKey)
      if (count > 0 && (again || count >= limit.entries || bytes > limit.bytes)) break
      keys.add(parcel.partitionKey)
      count += 1
      if (this.#sharing === 'all' && parcelBytes > alwaysTakenBytes) break
    }
    return count
  }

  #count(parcel: Parcel, sign: 1 | -1): void {
    this.#records += sign * parcel.records
    this.#bytes += sign * heldBytes(parcel)
  }
}
