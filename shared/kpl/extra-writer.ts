import { encodeCbor } from '../wire/cbor.ts'
import { type ClockState, clockStates } from '../wire/batch.ts'
import { CborColumn } from './cbor-column.ts'
import type { SequenceSource } from './kpl.ts'

/** CBOR: null. */
const none = 0xf6

const name = {
  start: Buffer.from('617601', 'hex'), // "v": 1
  sources: encodeCbor('sources'),
  source: encodeCbor('source'),
  seqs: encodeCbor('seqs'),
  times: encodeCbor('times'),
  attrs: encodeCbor('attrs')
}

/** Most bytes that `push` adds for a record without attributes: two integers, an index, a null. */
export const extraBytesPerMember = 9 + 9 + 5 + 1

/** A source with its `sourceKey`, made once a batch: making and hashing it costs more than a record. */
export interface KeyedSource {
  readonly source: SequenceSource
  readonly sourceKey: string
  /** What the clock of its device was worth for these records, where that is known. */
  readonly clock?: ClockState | undefined
}

/**
 * The extra columns of an aggregate under construction:
 * `{ v: 1, sources: [[device, epoch, lane, clock?], …], source?, seqs, times, attrs? }` in CBOR, seqs and
 * times as the first and then each less the one before it. `source` is there when there is more
 * than one, `attrs` when a member has attributes.
 */
export class ExtraWriter {
  readonly #known = new Map<string, number>()
  readonly #sources = new CborColumn()
  readonly #source = new CborColumn()
  readonly #seqs = new CborColumn()
  readonly #times = new CborColumn()
  readonly #attributes = new CborColumn()
  #lastSeq = 0
  #lastTime = 0

  get count(): number {
    return this.#seqs.count
  }

  /** Size of the whole map, bytes. */
  get bytes(): number {
    let bytes = 1 + name.start.length + name.sources.length + this.#sources.bytes
    bytes += name.seqs.length + this.#seqs.bytes + name.times.length + this.#times.bytes
    if (this.#source.count > 0) bytes += name.source.length + this.#source.bytes
    if (this.#attributes.count > 0) bytes += name.attrs.length + this.#attributes.bytes
    return bytes
  }

  /** Most bytes that `source` will add. */
  sourceBytes({ source, sourceKey, clock }: KeyedSource): number {
    if (this.#known.has(sourceKey + (clock ?? ''))) return 0
    const column = this.#sources.count === 1 ? name.source.length + 5 + this.count : 0
    return 1 + 3 + source.device.length + 17 + 2 + 4 + column
  }

  /** The index of a source with its clock, for `push`; adds it when it is new. */
  source({ source, sourceKey, clock }: KeyedSource): number {
    const key = sourceKey + (clock ?? '')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const index = this.#known.size
    this.#known.set(key, index)
    const identity = [source.device, Buffer.from(source.epoch, 'hex'), source.lane]
    const facts = clock === undefined ? identity : [...identity, clockStates.indexOf(clock)]
    this.#sources.pushEncoded(encodeCbor(facts))
    if (index === 1) this.#source.pushByte(0, this.count)
    return index
  }

  push(source: number, seq: number, time: number): void {
    if (this.#known.size > 1) this.#source.pushInt(source)
    this.#seqs.pushInt(seq - this.#lastSeq)
    this.#times.pushInt(time - this.#lastTime)
    this.#lastSeq = seq
    this.#lastTime = time
  }

  /** Most bytes that `pushAttributes` will add for these encoded attributes, behind `before` members. */
  attributesBytes(encoded: Uint8Array, before: number): number {
    const column = this.#attributes.count === 0 ? name.attrs.length + 5 + before : 0
    return encoded.length + column
  }

  /** The attributes of a member that has `before` members in front of it. */
  pushAttributes(encoded: Uint8Array, before: number): void {
    this.#attributes.pushByte(none, before - this.#attributes.count)
    this.#attributes.pushEncoded(encoded)
  }

  /** Members up to `count` that got no attributes have none; all of them none takes no room. */
  fillAttributes(count: number): void {
    const have = this.#attributes.count
    if (have > 0) this.#attributes.pushByte(none, count - have)
  }

  /** Writes the whole map and returns the offset behind it. */
  write(target: Buffer, start: number): number {
    const hasSource = this.#source.count > 0
    const hasAttributes = this.#attributes.count > 0
    target[start] = 0xa0 | (4 + (hasSource ? 1 : 0) + (hasAttributes ? 1 : 0))
    let at = start + 1
    at += name.start.copy(target, at)
    at = this.#sources.write(target, at + name.sources.copy(target, at))
    if (hasSource) at = this.#source.write(target, at + name.source.copy(target, at))
    at = this.#seqs.write(target, at + name.seqs.copy(target, at))
    at = this.#times.write(target, at + name.times.copy(target, at))
    if (hasAttributes) at = this.#attributes.write(target, at + name.attrs.copy(target, at))
    return at
  }

  clear(): void {
    this.#known.clear()
    for (const column of [this.#sources, this.#source, this.#seqs, this.#times, this.#attributes]) {
      column.clear()
    }
    this.#lastSeq = 0
    this.#lastTime = 0
  }
}
