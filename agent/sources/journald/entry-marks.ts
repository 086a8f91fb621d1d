const cursorMark = Buffer.from('"__CURSOR":"')
const timeMark = Buffer.from('"__REALTIME_TIMESTAMP":"')
const sourceTimeMark = Buffer.from('"_SOURCE_REALTIME_TIMESTAMP":"')

const quoteByte = 34

/** More than a mark with its value takes. Bytes. */
export const markBytes = 512

/**
 * Finds what is needed of entries by the bytes of their JSON, in which the fields have no order. A
 * quote within a text is escaped, so a mark can be nothing but a key.
 */
export class EntryMarks {
  readonly #bytes: Buffer
  readonly #cursor: Finder
  readonly #time: Finder
  readonly #sourceTime: Finder

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#cursor = new Finder(bytes, cursorMark)
    this.#time = new Finder(bytes, timeMark)
    this.#sourceTime = new Finder(bytes, sourceTimeMark)
  }

  /** The cursor of the entry from `from` to before `to`. Entries are asked about in their order. */
  cursor(from: number, to: number): string | undefined {
    const at = this.#cursor.valueIn(from, to)
    const end = at === -1 ? -1 : this.#bytes.indexOf(quoteByte, at)
    return end === -1 || end >= to ? undefined : this.#bytes.toString('latin1', at, end)
  }

  /** When the journal got the entry, milliseconds since the epoch; -1 when that is not there. */
  time(from: number, to: number): number {
    return this.#millis(this.#time.valueIn(from, to), to)
  }

  /** When its sender made the entry, where that is known; else -1. */
  sourceTime(from: number, to: number): number {
    return this.#millis(this.#sourceTime.valueIn(from, to), to)
  }

  /** Of microseconds in digits up to a quote. */
  #millis(at: number, to: number): number {
    if (at === -1) return -1
    let micros = 0
    for (let i = at; i < to; i++) {
      const digit = (this.#bytes[i] as number) - 48
      if (digit < 0 || digit > 9) {
        const whole = this.#bytes[i] === quoteByte && i > at && micros <= Number.MAX_SAFE_INTEGER
        return whole ? Math.floor(micros / 1000) : -1
      }
      micros = micros * 10 + digit
    }
    return -1
  }
}

/** Finds one mark, going forward only, so that no byte is looked at twice. */
class Finder {
  readonly #bytes: Buffer
  readonly #mark: Buffer
  #next = -1

  constructor(bytes: Buffer, mark: Buffer) {
    this.#bytes = bytes
    this.#mark = mark
  }

  valueIn(from: number, to: number): number {
    if (this.#next < from) {
      const found = this.#bytes.indexOf(this.#mark, from)
      this.#next = found === -1 ? Number.POSITIVE_INFINITY : found
    }
    return this.#next < to ? this.#next + this.#mark.length : -1
  }
}
