import type { RecordColumns } from '../../../shared/record.ts'
import { EntryMarks, markBytes } from './entry-marks.ts'

export interface EntryCut {
  /** Bytes that are done with, from the start; 0 when more must come first. */
  readonly consumed: number
  /** Absent when nothing that was consumed is a record. */
  readonly records?: RecordColumns
  /** The journal's cursor of the first and of the last record. */
  readonly first?: string | undefined
  readonly last?: string | undefined
  /** Lines that are no entries. */
  readonly unreadable: number
}

interface LongEntry {
  /** Its first bytes, as many as a record may have. */
  readonly head: Buffer
  cursor: string | undefined
  time: number
  sourceTime: number
}

/** Most records and about the most data of one cut, so that it becomes one frame. */
const maxRecords = 8192
const cutBytes = 256 * 1024

const newlineByte = 10

/**
 * Cuts what journalctl prints into records: the JSON of an entry as it stands, with its time. Of an
 * entry that is too long the beginning is kept, and the rest is looked through as it comes.
 */
export class EntryCutter {
  readonly #maxRecordBytes: number
  readonly #partitionKey: string
  readonly #starts = new Uint32Array(maxRecords)
  readonly #ends = new Uint32Array(maxRecords)
  readonly #times = new Float64Array(maxRecords)
  #long: LongEntry | undefined

  constructor(options: { readonly maxRecordBytes: number; readonly partitionKey: string }) {
    this.#maxRecordBytes = options.maxRecordBytes
    this.#partitionKey = options.partitionKey
  }

  /** `bytes` begin where the cut before ended. An unfinished last line waits for its newline. */
  cut(bytes: Buffer): EntryCut {
    const marks = new EntryMarks(bytes)
    if (this.#long) return this.#goOn(bytes, this.#long, marks)
    let count = 0
    let total = 0
    let at = 0
    let unreadable = 0
    while (count < maxRecords && total < cutBytes) {
      const newline = bytes.indexOf(newlineByte, at)
      const end = newline === -1 ? bytes.length : newline
      // A cut has whole entries alone, or one that is long.
      if (end - at > this.#maxRecordBytes && at === 0) return this.#begin(bytes, marks)
      if (newline === -1 || end - at > this.#maxRecordBytes) break
      const time = marks.time(at, end)
      if (time === -1) {
        unreadable += 1
      } else {
        const sourceTime = marks.sourceTime(at, end)
        this.#times[count] = sourceTime === -1 ? time : sourceTime
        this.#starts[count] = at
        this.#ends[count] = end
        total += end - at
        count += 1
      }
      at = end + 1
    }
    if (count === 0) return { consumed: at, unreadable }
    const records = this.#columns(bytes, count, total)
    return { consumed: at, records, ...this.#cursors(marks, count), unreadable }
  }

  #columns(bytes: Buffer, count: number, total: number): RecordColumns {
    const data = Buffer.allocUnsafeSlow(total)
    const lens = new Uint32Array(count)
    let at = 0
    for (let i = 0; i < count; i++) {
      const copied = bytes.copy(data, at, this.#starts[i], this.#ends[i])
      lens[i] = copied
      at += copied
    }
    return { keys: [this.#partitionKey], times: this.#times.slice(0, count), lens, data }
  }

  #cursors(marks: EntryMarks, count: number): Pick<EntryCut, 'first' | 'last'> {
    const of = (i: number) => marks.cursor(this.#starts[i] as number, this.#ends[i] as number)
    const first = of(0)
    return { first, last: count === 1 ? first : of(count - 1) }
  }

  #begin(bytes: Buffer, marks: EntryMarks): EntryCut {
    const head = Buffer.from(bytes.subarray(0, this.#maxRecordBytes))
    const long = { head, cursor: undefined, time: -1, sourceTime: -1 }
    this.#long = long
    return this.#goOn(bytes, long, marks)
  }

  /** Looks through another part of a long entry, which is a record when its newline is there. */
  #goOn(bytes: Buffer, long: LongEntry, marks: EntryMarks): EntryCut {
    const newline = bytes.indexOf(newlineByte)
    const end = newline === -1 ? bytes.length : newline
    long.cursor ??= marks.cursor(0, end)
    if (long.time === -1) long.time = marks.time(0, end)
    if (long.sourceTime === -1) long.sourceTime = marks.sourceTime(0, end)
    // What may be half a mark stays.
    if (newline === -1) return { consumed: Math.max(0, end - markBytes), unreadable: 0 }
    this.#long = undefined
    if (long.time === -1) return { consumed: end + 1, unreadable: 1 }
    const { head, time, sourceTime, cursor } = long
    const records = {
      keys: [this.#partitionKey],
      times: Float64Array.of(sourceTime === -1 ? time : sourceTime),
      lens: Uint32Array.of(head.length),
      data: head,
      attributes: [{ truncated: 'true' }]
    }
    return { consumed: end + 1, records, first: cursor, last: cursor, unreadable: 0 }
  }
}
