import { LineBeginnings } from './line-beginnings.ts'

/** What makes a record of lines. */
export interface LineRules {
  /** A longer line is cut to this, marked and counted; also the most a multiline record may hold. */
  readonly maxLineBytes: number
  readonly multiline?: MultilineRules | undefined
}

export interface MultilineRules {
  /** A line that matches begins a record; the lines after it that do not match belong to it. */
  readonly start: RegExp
  readonly maxLines: number
}

/**
 * What the end of the bytes means. `more`: an unfinished line, or group of lines, is kept back.
 * `idle`: nothing came for a while, a group of whole lines is finished. `end`: all there is.
 */
export type CutEnd = 'more' | 'idle' | 'end'

/** Where the records lie in the bytes. The columns are overwritten by the next cut. */
export interface Cut {
  readonly count: number
  /** Record i is the bytes from `starts[i]` to before `ends[i]`; the next begins at `nexts[i]`. */
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  readonly nexts: Uint32Array
  /** Bytes that are done with, from the start. */
  readonly consumed: number
  /** The line at `consumed` was cut, and its rest is to be passed over. */
  readonly skipping: boolean
  /** Records that hold only the beginning of their line. */
  readonly truncated: readonly number[]
  readonly emptyLines: number
  /** The start pattern took too long on a line, which begins a record then. */
  readonly slowPattern: boolean
}

/** Most records of one cut, well below what a batch may hold. */
const maxRecords = 32_768

const newlineByte = 10
const returnByte = 13

/**
 * Finds lines in bytes, making no object for any of them. A line loses its newline and one carriage
 * return before it; nothing else is changed. Empty lines are passed over and counted.
 */
export class LineCutter {
  readonly #rules: LineRules
  /** Absent: no lines are put together. */
  readonly #beginnings: LineBeginnings | undefined
  readonly #starts = new Uint32Array(maxRecords)
  readonly #ends = new Uint32Array(maxRecords)
  readonly #nexts = new Uint32Array(maxRecords)
  #count = 0

  constructor(rules: LineRules) {
    this.#rules = rules
    const { multiline } = rules
    if (!multiline) return
    // One more than a record may have, so that the first one of a cut ends within it.
    const mostLines = Math.max(maxRecords, multiline.maxLines + 1)
    this.#beginnings = new LineBeginnings(multiline.start, mostLines)
  }

  /** A buffer of this many bytes always lets `cut` consume something. */
  get wholeLineBytes(): number {
    return this.#rules.maxLineBytes + 2
  }

  /** Cuts `bytes`, which begin at a line or, when `skipping`, within one that was cut. */
  cut(bytes: Buffer, skipping: boolean, end: CutEnd): Cut {
    const newline = skipping ? bytes.indexOf(newlineByte) : -1
    if (skipping && newline === -1) {
      this.#count = 0
      return this.#result({ consumed: bytes.length, skipping })
    }
    const from = newline + 1
    const slowPattern = this.#beginnings?.find(bytes, from, end === 'end')
    const cut = this.#cutFrom(bytes, from, end)
    return slowPattern ? { ...cut, slowPattern } : cut
  }

  #cutFrom(bytes: Buffer, from: number, end: CutEnd): Cut {
    const { maxLineBytes, multiline } = this.#rules
    const beginnings = this.#beginnings
    this.#count = 0
    const truncated: number[] = []
    let emptyLines = 0
    let skipping = false
    const group = { start: -1, end: 0, lines: 0 }
    let at = from
    let line = 0
    // A group that is closed and the line that closes it may take two places at once.
    for (; this.#count < maxRecords - 1; line++) {
      if (beginnings?.isFull && line === beginnings.count) break
      const newline = bytes.indexOf(newlineByte, at)
      const bare = newline === -1
      const left = bytes.length - at
      if (bare && (left === 0 || (left < maxLineBytes + 2 && end !== 'end'))) break
      let stop = bare ? bytes.length : newline
      let next = bare ? stop : newline + 1
      if (!bare && stop > at && bytes[stop - 1] === returnByte) stop -= 1
      const long = stop - at > maxLineBytes
      if (long) {
        stop = characterBoundary(bytes, at, at + maxLineBytes)
        if (bare) next = at + maxLineBytes
        skipping = bare
      }
      if (group.start !== -1 && this.#closes(group, { line, next, long })) {
        this.#add(group.start, group.end, at)
        group.start = -1
      }
      if (group.start === -1 && stop === at) {
        emptyLines += 1
      } else if (long || !multiline) {
        if (long) truncated.push(this.#count)
        this.#add(at, stop, next)
      } else {
        if (group.start === -1) Object.assign(group, { start: at, lines: 0 })
        group.end = stop
        group.lines += 1
      }
      at = next
      if (skipping) break
    }
    if (group.start !== -1) {
      const mayGoOn = beginnings?.isFull && line === beginnings.count
      const complete = end !== 'more' || bytes.length - group.start > maxLineBytes
      if (complete && !mayGoOn && this.#count < maxRecords - 1)
        this.#add(group.start, group.end, at)
      else at = group.start
    }
    return this.#result({ consumed: at, skipping, truncated, emptyLines })
  }

  /** Whether a line begins another record than the group before it. */
  #closes(
    group: { readonly start: number; readonly lines: number },
    { line, next, long }: { readonly line: number; readonly next: number; readonly long: boolean }
  ): boolean {
    const { multiline, maxLineBytes } = this.#rules
    if (!multiline || long || group.lines >= multiline.maxLines) return true
    return next - group.start > maxLineBytes || this.#beginnings?.at(line) === true
  }

  #add(start: number, end: number, next: number): void {
    this.#starts[this.#count] = start
    this.#ends[this.#count] = end
    this.#nexts[this.#count] = next
    this.#count += 1
  }

  #result(found: {
    consumed: number
    skipping: boolean
    truncated?: number[]
    emptyLines?: number
  }): Cut {
    return {
      count: this.#count,
      starts: this.#starts,
      ends: this.#ends,
      nexts: this.#nexts,
      truncated: [],
      emptyLines: 0,
      slowPattern: false,
      ...found
    }
  }
}

/** The last place at or before `at` that does not split a UTF-8 character. */
function characterBoundary(bytes: Buffer, from: number, at: number): number {
  let boundary = at
  while (boundary > from && at - boundary < 4 && ((bytes[boundary] as number) & 0xc0) === 0x80) {
    boundary -= 1
  }
  return ((bytes[boundary] as number) & 0xc0) === 0x80 ? at : boundary
}
