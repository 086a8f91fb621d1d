import type { HeadwaterError } from '../../../shared/errors.ts'
import type { Part } from './chunk-parts.ts'
import type { Cursor } from '../buffer.ts'

export interface EntryContent {
  readonly parts: readonly Part[]
  readonly cursors: readonly Cursor[]
  readonly urgent: boolean
  readonly volatile: boolean
  /** When it was appended; monotonic. */
  readonly atMs: number
}

/** One append on its way to the disk: its parts and cursors go into one transaction. */
export class Entry {
  readonly content: EntryContent
  readonly records: number
  readonly bytes: number
  /** The append: resolves when the entry is taken, rejects when it is refused. */
  readonly settled: Promise<void>
  #state: 'waiting' | 'taken' | 'refused' = 'waiting'
  #givenUp: HeadwaterError | undefined
  #doubtful = false
  readonly #settle: (error?: HeadwaterError) => void

  constructor(content: EntryContent) {
    this.content = content
    this.records = content.parts.reduce((sum, { records }) => sum + records, 0)
    this.bytes = content.parts.reduce((sum, { bytes }) => sum + bytes, 0)
    let settle: (error?: HeadwaterError) => void = () => undefined
    this.settled = new Promise((resolve, reject) => {
      settle = (error) => (error ? reject(error) : resolve())
    })
    this.#settle = settle
  }

  /** Somebody was told that it is taken. */
  get taken(): boolean {
    return this.#state === 'taken'
  }

  take(): void {
    if (this.#state === 'waiting') this.#state = 'taken'
    this.#settle()
  }

  /** Nobody waits for it any more; while it is written, what becomes of it decides. */
  giveUp(error: HeadwaterError): void {
    this.#givenUp = error
    if (this.#doubtful) this.refuse(error)
  }

  /** What became of it cannot be known now. Who gives it up is not kept waiting for that. */
  doubt(): void {
    this.#doubtful = true
    if (this.#givenUp) this.refuse(this.#givenUp)
  }

  /** It was not written. Whether it is to be tried again; one that was given up is refused. */
  waitsOn(): boolean {
    if (this.#givenUp) this.refuse(this.#givenUp)
    return this.#state !== 'refused'
  }

  /** What is taken stays so. */
  refuse(error: HeadwaterError): void {
    if (this.#state === 'waiting') this.#state = 'refused'
    this.#settle(error)
  }
}

export interface RingLimits {
  readonly bytes: number
  readonly records: number
}

/**
 * What waits for its commit, in the order of the calls. While the disk is unusable it is also the
 * memory ring: volatile entries are taken without a commit, up to a limit, and the oldest give way.
 */
export class Pending {
  readonly #ring: RingLimits
  readonly #dropped: (entry: Entry) => void
  #entries: Entry[] = []
  /** Given out by the last `take`, and not put back. */
  #taken: readonly Entry[] = []
  #bytes = 0
  #urgent = 0
  #ringOpen = false

  /** `dropped` is told of every entry that gave way. */
  constructor(ring: RingLimits, dropped: (entry: Entry) => void) {
    this.#ring = ring
    this.#dropped = dropped
  }

  get size(): number {
    return this.#entries.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get urgent(): boolean {
    return this.#urgent > 0
  }

  get oldestMs(): number | undefined {
    return this.#entries[0]?.content.atMs
  }

  get ringRecords(): number {
    if (!this.#ringOpen) return 0
    const ring = [...this.#taken.filter(({ content }) => content.volatile), ...this.#volatile()]
    return ring.reduce((sum, { records }) => sum + records, 0)
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
    this.#count(entry, 1)
    if (this.#ringOpen) this.#boundRing()
  }

  /** The oldest entries up to `maxBytes`, at least one if there is one. */
  take(maxBytes: number): Entry[] {
    let bytes = 0
    let count = 0
    for (const entry of this.#entries) {
      bytes += entry.bytes
      if (count > 0 && bytes > maxBytes) break
      count += 1
    }
    const taken = this.#entries.splice(0, count)
    for (const entry of taken) this.#count(entry, -1)
    this.#taken = taken
    return taken
  }

  /** What could not be committed comes first again, but for what was given up meanwhile. */
  putBack(entries: readonly Entry[]): void {
    this.#taken = []
    const waiting = entries.filter((entry) => entry.waitsOn())
    this.#entries = [...waiting, ...this.#entries]
    for (const entry of waiting) this.#count(entry, 1)
    if (this.#ringOpen) this.#boundRing()
  }

  /** False when it does not wait: it is being written, or was. */
  remove(entry: Entry): boolean {
    const at = this.#entries.indexOf(entry)
    if (at === -1) return false
    this.#entries.splice(at, 1)
    this.#count(entry, -1)
    return true
  }

  /** From now on volatile entries are taken without a commit. */
  openRing(): void {
    this.#ringOpen = true
    this.#boundRing()
  }

  closeRing(): void {
    this.#ringOpen = false
  }

  #count(entry: Entry, sign: 1 | -1): void {
    this.#bytes += sign * entry.bytes
    if (entry.content.urgent) this.#urgent += sign
  }

  #boundRing(): void {
    const ring = this.#volatile()
    let bytes = ring.reduce((sum, entry) => sum + entry.bytes, 0)
    let records = ring.reduce((sum, entry) => sum + entry.records, 0)
    for (const entry of ring) {
      entry.take()
      if (bytes <= this.#ring.bytes && records <= this.#ring.records) continue
      bytes -= entry.bytes
      records -= entry.records
      this.remove(entry)
      this.#dropped(entry)
    }
  }

  #volatile(): Entry[] {
    return this.#entries.filter(({ content }) => content.volatile)
  }
}
