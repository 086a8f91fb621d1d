import type { Writable } from 'node:stream'
import type { Clock } from '../../shared/clock.ts'
import { keyOf, offsetsOf, type RecordColumns } from '../../shared/record.ts'
import { dataText } from './data-text.ts'
import type { Passing, Tapper, TapSide } from './taps.ts'

/** What waits for a slow reader at most; what comes meanwhile is dropped. Bytes. */
const waitingBytes = 256 * 1024

/** What is written in a second at most, so that looking on takes no time from the agent. Bytes. */
const bytesPerSecond = 512 * 1024

/** Of a longer record only the beginning is shown. Bytes. */
const shownBytes = 16 * 1024

export interface TapWish {
  /** Absent: all sources. */
  readonly source?: string | undefined
  readonly sides: readonly TapSide[]
}

/**
 * Writes what passes as NDJSON: a line a record, and `{ "dropped": n }` where `n` records in a row
 * were passed over because the reader or this second had no room.
 */
export class TapStream implements Tapper {
  readonly #out: Writable
  readonly #wish: TapWish
  readonly #clock: Clock
  readonly #closed = new AbortController()
  #dropped = 0
  #secondEndsMs = 0
  #leftBytes = 0

  constructor(out: Writable, wish: TapWish, clock: Clock) {
    this.#out = out
    this.#wish = wish
    this.#clock = clock
    out.on('drain', () => this.#tellDropped())
    out.on('close', () => this.#closed.abort())
  }

  see(passing: Passing): void {
    const { source, sides } = this.#wish
    if (source !== undefined && source !== passing.source) return
    if (!sides.includes(passing.side)) return
    const { records } = passing
    const count = records.lens.length
    const offsets = offsetsOf(records.lens)
    for (let i = 0; i < count; i++) {
      if (!this.#hasRoom()) return this.#drop(count - i)
      this.#tellDropped()
      const data = records.data.subarray(offsets[i], offsets[i + 1])
      this.#write({ ...placeOf(passing), ...factsOf(records, i), ...dataText(data, shownBytes) })
    }
  }

  #hasRoom(): boolean {
    const now = this.#clock.monoMs()
    if (now >= this.#secondEndsMs) {
      this.#secondEndsMs = now + 1000
      this.#leftBytes = bytesPerSecond
    }
    return this.#leftBytes > 0 && this.#isRead
  }

  get #isRead(): boolean {
    return this.#out.writableLength < waitingBytes
  }

  /** Told with the next record, or after a second without one. */
  #drop(count: number): void {
    if (this.#dropped === 0) {
      void this.#clock.sleep(1000, this.#closed.signal).then(() => this.#tellDropped())
    }
    this.#dropped += count
  }

  #tellDropped(): void {
    if (this.#dropped === 0 || !this.#isRead || this.#closed.signal.aborted) return
    const dropped = this.#dropped
    this.#dropped = 0
    this.#write({ dropped })
  }

  #write(line: object): void {
    const text = `${JSON.stringify(line)}\n`
    this.#leftBytes -= text.length
    this.#out.write(text)
  }
}

function placeOf({ source, side, stream }: Passing): object {
  return { source, side, stream }
}

function factsOf(records: RecordColumns, index: number): object {
  const attributes = records.attributes?.[index]
  return {
    partitionKey: keyOf(records, index),
    time: records.times[index],
    ...(attributes ? { attributes } : {})
  }
}
