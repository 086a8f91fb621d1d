import { TimeLimit } from '../../patterns/time-limit.ts'

/** Bytes of a line that the pattern is shown. */
const patternBytes = 1024

const newlineByte = 10
const returnByte = 13

/** Which lines begin a record, by a pattern of the operator. */
export class LineBeginnings {
  readonly #start: RegExp
  readonly #limit = new TimeLimit()
  /** Where line i begins; one more than there are lines. */
  readonly #froms: Uint32Array
  readonly #begins: Uint8Array
  #count = 0

  /** Looks at no more than `maxLines` at once. */
  constructor(start: RegExp, maxLines: number) {
    this.#start = start
    this.#froms = new Uint32Array(maxLines + 1)
    this.#begins = new Uint8Array(maxLines)
  }

  /** Whether there may be more lines than were looked at. */
  get isFull(): boolean {
    return this.#count === this.#begins.length
  }

  get count(): number {
    return this.#count
  }

  /** Whether line `i` begins a record: the first one does, and one on which the pattern is too slow. */
  at(i: number): boolean {
    return this.#begins[i] === 1
  }

  /**
   * Looks at the lines of `bytes` from `from` on; what has no newline is one, where it is all there
   * is. Returns whether the pattern was too slow for one of them.
   */
  find(bytes: Buffer, from: number, isAll: boolean): boolean {
    this.#split(bytes, from, isAll)
    this.#begins[0] = 1
    const late = this.#limit.each(this.#count - 1, (i) => {
      this.#begins[i + 1] = this.#matches(bytes, i + 1) ? 1 : 0
    })
    for (const i of late) this.#begins[i + 1] = 1
    return late.length > 0
  }

  #split(bytes: Buffer, from: number, isAll: boolean): void {
    let at = from
    this.#count = 0
    while (at < bytes.length && this.#count < this.#begins.length) {
      const newline = bytes.indexOf(newlineByte, at)
      if (newline === -1 && !isAll) break
      this.#froms[this.#count++] = at
      at = newline === -1 ? bytes.length : newline + 1
    }
    this.#froms[this.#count] = at
  }

  #matches(bytes: Buffer, i: number): boolean {
    const from = this.#froms[i] as number
    let stop = this.#froms[i + 1] as number
    if (bytes[stop - 1] === newlineByte) {
      stop -= 1
      if (stop > from && bytes[stop - 1] === returnByte) stop -= 1
    }
    return this.#start.test(bytes.toString('utf8', from, Math.min(stop, from + patternBytes)))
  }
}
