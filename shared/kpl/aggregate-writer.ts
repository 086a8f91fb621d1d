import { createHash } from 'node:crypto'
import type { RecordColumns } from '../record.ts'
import { encodeCbor } from '../wire/cbor.ts'
import { ExtraWriter, extraBytesPerMember, type KeyedSource } from './extra-writer.ts'
import { KeySlots, unresolved } from './key-slots.ts'
import { KeyTable, writeText } from './key-table.ts'
import { extraField, kplMagic } from './kpl.ts'
import { fieldBytes, varintBytes, writeVarint } from './protobuf.ts'

/** Records of one batch that go to one shard. */
export interface AggregateRun extends KeyedSource {
  readonly records: RecordColumns
  /** `offsetsOf(records.lens)`. */
  readonly offsets: Uint32Array
  /** Which records, ascending; absent: all. A position in a run counts these. */
  readonly indexes?: Uint32Array
  /** Record `i` (not position `i`) has sequence number `first + i`. */
  readonly first: number
  /** Added to every time, milliseconds. */
  readonly offsetMs: number
}

/** How many records a run has. */
export function runLength(run: AggregateRun): number {
  return run.indexes ? run.indexes.length : run.records.lens.length
}

/** More would not be read back: decoders bound the arrays they accept. */
const maxMembers = 100_000

const digestBytes = 16
const tag = { partitionKey: 0x0a, explicitHashKey: 0x12, record: 0x1a }
/** `08 <key index> 10 00 1a <length>` and the tag and length in front of them. */
const maxMemberHeadBytes = 6 + 6 + 2 + 6
/** What the lengths of columns and of the extra field may grow by when one record is added. */
const growthBytes = 24
const extraTagBytes = 2
/** One for all writers: nothing of it outlives a call of `add`. */
const slots = new KeySlots()

/**
 * Builds KPL aggregates one after the other: `begin`, `add` until it stops short, `finish`.
 * Every member is stamped with the aggregate's explicit hash key. No object is made for a record;
 * the one copy besides those into the aggregate is that of `finish`.
 */
export class AggregateWriter {
  #maxBytes: number
  readonly #keys = new KeyTable()
  readonly #extra = new ExtraWriter()
  #explicitHashKey = ''
  #members = Buffer.allocUnsafeSlow(4096)
  #membersLength = 0

  /** `add` stops before the aggregate is larger than `maxBytes`, unless it has one member only. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get count(): number {
    return this.#extra.count
  }

  /** Size of the aggregate if it were finished now. */
  get bytes(): number {
    return kplMagic.length + this.#messageBytes() + digestBytes
  }

  /** From now on `add` stops before this size. */
  allow(maxBytes: number): void {
    this.#maxBytes = maxBytes
  }

  /** Starts an empty aggregate. `explicitHashKey` is decimal. */
  begin(explicitHashKey: string): void {
    this.#explicitHashKey = explicitHashKey
    this.#keys.clear()
    this.#extra.clear()
    this.#membersLength = 0
  }

  /**
   * Adds the records at positions `from` to `to` while there is room, and returns the position
   * behind the last one added. The first member of an aggregate is always added.
   */
  add(run: AggregateRun, from: number, to: number): number {
    if (this.count > 0 && this.#room() < this.#extra.sourceBytes(run)) return from
    const source = this.#extra.source(run)
    slots.begin(run.records.keys.length)
    let at = from
    // What a record costs is guessed from above, so a pass leaves room that the next one fills.
    while (at < to) {
      const end = this.#admit(run, at, to)
      if (end === at) return at
      this.#write(run, { from: at, to: end, source })
      this.#extra.fillAttributes(this.count)
      at = end
    }
    return at
  }

  /** The finished aggregate, a buffer of its own. The writer is empty afterwards. */
  finish(): Buffer {
    const messageBytes = this.#messageBytes()
    const target = Buffer.allocUnsafeSlow(kplMagic.length + messageBytes + digestBytes)
    let at = kplMagic.copy(target)
    at = this.#keys.write(target, at, tag.partitionKey)
    target[at] = tag.explicitHashKey
    at = writeText(target, at + 1, this.#explicitHashKey)
    at += this.#members.copy(target, at, 0, this.#membersLength)
    at = writeVarint(target, at, (extraField << 3) | 2)
    at = writeVarint(target, at, this.#extra.bytes)
    at = this.#extra.write(target, at)
    const message = target.subarray(kplMagic.length, at)
    createHash('md5').update(message).digest().copy(target, at)
    this.begin('')
    return target
  }

  #room(): number {
    return this.#maxBytes - this.bytes - growthBytes
  }

  #messageBytes(): number {
    const extra = this.#extra.bytes
    const tables = this.#keys.bytes + fieldBytes(this.#explicitHashKey.length)
    return tables + this.#membersLength + extraTagBytes + varintBytes(extra) + extra
  }

  /** Finds how many records there is room for; enters their keys and attributes. */
  #admit(run: AggregateRun, from: number, to: number): number {
    const { records, indexes } = run
    const { key, lens, attributes } = records
    const overhead = maxMemberHeadBytes + extraBytesPerMember
    let room = this.#room()
    let fresh = this.count === 0
    const end = Math.min(to, from + maxMembers - this.count)
    for (let p = from; p < end; p++) {
      const i = indexes ? (indexes[p] as number) : p
      const k = key ? (key[i] as number) : 0
      const one = attributes?.[i] ?? null
      const encoded = one === null ? null : encodeCbor(one)
      const before = this.count + p - from
      let cost = (lens[i] as number) + overhead
      if (slots.get(k) === unresolved) cost += this.#keyCost(records.keys[k] ?? '', k)
      if (encoded) cost += this.#extra.attributesBytes(encoded, before)
      if (cost > room && !fresh) return p
      room -= cost
      fresh = false
      if (slots.get(k) === unresolved) slots.set(k, this.#keys.add(records.keys[k] ?? ''))
      if (encoded) this.#extra.pushAttributes(encoded, before)
    }
    return end
  }

  /** Looks a key up; what it will add to the table when it is not there. */
  #keyCost(key: string, k: number): number {
    const known = this.#keys.get(key)
    if (known === undefined) return fieldBytes(Buffer.byteLength(key))
    slots.set(k, known)
    return 0
  }

  #write(run: AggregateRun, range: { from: number; to: number; source: number }): void {
    const { indexes, first, offsetMs } = run
    const { key, lens, times } = run.records
    let read = this.#load(run, range.from, range.to)
    const members = this.#members
    const extra = this.#extra
    let at = this.#membersLength
    for (let p = range.from; p < range.to; p++) {
      const i = indexes ? (indexes[p] as number) : p
      const keyAt = slots.get(key ? (key[i] as number) : 0)
      const length = lens[i] as number
      members[at] = tag.record
      const body = 1 + varintBytes(keyAt) + 2 + fieldBytes(length)
      at = writeVarint(members, at + 1, body)
      members[at] = 0x08
      at = writeVarint(members, at + 1, keyAt)
      members[at] = 0x10
      members[at + 1] = 0x00
      members[at + 2] = 0x1a
      at = writeVarint(members, at + 3, length)
      members.copyWithin(at, read, read + length)
      read += length
      at += length
      extra.push(range.source, first + i, (times[i] as number) + offsetMs)
    }
    this.#membersLength = at
  }

  /**
   * Copies the data of the records to the end of the room that they can take as members, and
   * returns where. Moving each into its place from there costs half of a copy between buffers.
   */
  #load(run: AggregateRun, from: number, to: number): number {
    const { indexes, offsets } = run
    const { data, lens } = run.records
    let bytes = 0
    for (let p = from; p < to; p++) bytes += lens[indexes ? (indexes[p] as number) : p] as number
    const start = this.#membersLength + (to - from) * maxMemberHeadBytes
    this.#reserve(start + bytes)
    if (!indexes) {
      this.#members.set(data.subarray(offsets[from], offsets[to]), start)
      return start
    }
    let at = start
    for (let p = from; p < to; p++) {
      const i = indexes[p] as number
      this.#members.set(data.subarray(offsets[i], offsets[i + 1]), at)
      at += lens[i] as number
    }
    return start
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#members.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, this.#members.length * 2))
    this.#members.copy(grown, 0, 0, this.#membersLength)
    this.#members = grown
  }
}
