import type { HashRange } from '../engines/engine.ts'
import { hashKeyOf } from '../engines/hash-key.ts'
import type { MemberIdentity } from './user-record.ts'

/** A part of the hash space with the highest sequence number seen of each source in it. */
export interface MarkedRange extends HashRange {
  /** By source, the longest unchanged first. */
  readonly marks: Map<string, number>
}

/**
 * Knows repeats in one shard. The numbers of a source rise within a shard, so one mark a source is
 * enough, as long as the shard was never merged: the parents of a merge had come to different
 * numbers, each for its own range of keys. So marks are kept by range, a shard begins with the
 * ranges of its parents, and the hash of the partition key says which one counts.
 */
export class RepeatFilter {
  /** In order, without gaps. */
  readonly ranges: readonly MarkedRange[]
  readonly #maxMarks: number

  /** `maxMarks`: bound of each range; past it the source that was silent for longest is forgotten. */
  constructor(ranges: readonly MarkedRange[], maxMarks: number) {
    this.ranges = ranges
    this.#maxMarks = maxMarks
  }

  /** What the shard of `range` begins with; of parts that no parent had nothing is known. */
  static inherit(
    range: HashRange,
    parents: readonly RepeatFilter[],
    maxMarks: number
  ): RepeatFilter {
    const known = parents
      .flatMap((parent) => parent.ranges)
      .map((one) => ({
        start: one.start > range.start ? one.start : range.start,
        end: one.end < range.end ? one.end : range.end,
        marks: one.marks
      }))
      .filter((one) => one.start <= one.end)
      .toSorted((a, b) => (a.start < b.start ? -1 : 1))
    const ranges: MarkedRange[] = []
    let next = range.start
    for (const one of known) {
      if (one.start > next) ranges.push({ start: next, end: one.start - 1n, marks: new Map() })
      ranges.push({ ...one, marks: new Map(one.marks) })
      next = one.end + 1n
    }
    if (next <= range.end) ranges.push({ start: next, end: range.end, marks: new Map() })
    return new RepeatFilter(ranges, maxMarks)
  }

  /** Whether this member was not seen before; it is from now on. */
  isNew({ source, seq, partitionKey }: MemberIdentity): boolean {
    const marks = this.#marksOf(partitionKey)
    const mark = marks.get(source)
    if (mark !== undefined) {
      if (seq <= mark) return false
      marks.delete(source)
    } else if (marks.size >= this.#maxMarks) {
      const [oldest] = marks.keys()
      if (oldest !== undefined) marks.delete(oldest)
    }
    marks.set(source, seq)
    return true
  }

  #marksOf(partitionKey: string): Map<string, number> {
    const [only] = this.ranges
    if (only && this.ranges.length === 1) return only.marks
    const hash = hashKeyOf(partitionKey)
    // An engine that is told only a hash key may put a member into a shard beside its own.
    const range = this.ranges.findLast((one) => one.start <= hash) ?? only
    return range?.marks ?? new Map()
  }
}
