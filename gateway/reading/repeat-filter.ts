import { type AggregateMembers, sourceKey } from '../../shared/kpl/kpl.ts'
import type { HashRange, Shard, ShardId } from '../engines/engine.ts'
import { hashKeyOf } from '../engines/hash-key.ts'
import { KnownSources } from './known-sources.ts'

/** What was seen in a part of the hash space. */
export interface MarkedRange extends HashRange {
  /** The highest sequence number. */
  readonly marks: KnownSources<number>
  /** The digest of the last aggregate that a record of the source is the first of. */
  readonly aggregates: KnownSources<string>
}

/**
 * Knows repeats in one shard. The numbers of a source rise within a shard, so one mark a source is
 * enough, as long as the shard was never merged: the parents of a merge had come to different
 * numbers, each for its own range of keys. So marks are kept by range, a shard begins with the
 * ranges of its parents, and the hash of the partition key says which one counts. Two ranges are
 * never joined again: each source would keep the lower of its two numbers, so that repeats are read
 * twice, or the higher one, so that an aggregate from before the merge that is still under way is
 * lost; and how long one may be, nobody knows. So what is bounded is not the ranges, which are as
 * many as the places where the shard was ever split, but what is known in all of them together.
 *
 * An aggregate goes where its first member belongs. Packed before a reshard that its writer had not
 * seen, it may land in a shard beside that of other members, whose numbers there tell nothing of
 * them: such a member is always new. But when it is sent again, it is so byte for byte, along the
 * lineage of the same hash key, and before its writer sends anything else to that range. So the last
 * aggregate is known as well, and its copy is left out as a whole.
 */
export class RepeatFilter {
  /** In order, without gaps. */
  readonly ranges: readonly MarkedRange[]
  /** Bound of the sources in each range. */
  readonly #share: number

  /** `maxMarks`: bound of the sources in all ranges, which have equal shares of it. */
  constructor(ranges: readonly MarkedRange[], maxMarks: number) {
    this.ranges = ranges
    this.#share = shareOf(maxMarks, ranges.length)
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
        ...one,
        start: one.start > range.start ? one.start : range.start,
        end: one.end < range.end ? one.end : range.end
      }))
      .filter((one) => one.start <= one.end)
      .toSorted((a, b) => (a.start < b.start ? -1 : 1))
    const ranges: MarkedRange[] = []
    let next = range.start
    for (const one of known) {
      if (one.start > next) ranges.push(unmarked(next, one.start - 1n))
      ranges.push(one)
      next = one.end + 1n
    }
    if (next <= range.end) ranges.push(unmarked(next, range.end))
    const share = shareOf(maxMarks, ranges.length)
    const own = ranges.map((one) => ({
      ...one,
      marks: new KnownSources(one.marks, share),
      aggregates: new KnownSources(one.aggregates, share)
    }))
    return new RepeatFilter(own, maxMarks)
  }

  /** For shards of which no parent is read: nothing is marked, but the ranges are as they would be. */
  static unread(shards: readonly Shard[], maxMarks: number): ReadonlyMap<ShardId, RepeatFilter> {
    const filters = new Map<ShardId, RepeatFilter>()
    for (const { id, range, parents } of shards) {
      const known = parents.flatMap((parent) => filters.get(parent) ?? [])
      filters.set(id, RepeatFilter.inherit(range, known, maxMarks))
    }
    return filters
  }

  /**
   * Which members of an aggregate were not seen before, by position; each is seen once it is given.
   * Of other producers' aggregates nothing is known: all of theirs are new.
   */
  *newOf(members: AggregateMembers, digest: string): Generator<number> {
    const { count, extra } = members
    if (!extra) {
      for (let i = 0; i < count; i++) yield i
      return
    }
    const sources = extra.sources.map(sourceKey)
    const ranges = members.partitionKeys.map((key) => this.#rangeOf(key))
    const sourceOf = (i: number) => sources[extra.source[i] as number] ?? ''
    const rangeOf = (i: number) => ranges[members.partitionKey[i] as number]
    const aggregates = rangeOf(0)?.aggregates
    if (aggregates?.get(sourceOf(0)) === digest) return
    for (let i = 0; i < count; i++) {
      if (this.#isNew(rangeOf(i)?.marks, sourceOf(i), extra.seqs[i] as number)) yield i
    }
    // Not before the last one: a reader that stops at a limit begins again with the first.
    aggregates?.remember(sourceOf(0), digest, this.#share)
  }

  #isNew(marks: MarkedRange['marks'] | undefined, source: string, seq: number): boolean {
    if (!marks) return true
    if (seq <= (marks.get(source) ?? -1)) return false
    marks.remember(source, seq, this.#share)
    return true
  }

  /** Undefined for a key that belongs beside this shard. */
  #rangeOf(partitionKey: string): MarkedRange | undefined {
    const hash = hashKeyOf(partitionKey)
    return this.ranges.find(({ start, end }) => start <= hash && hash <= end)
  }
}

function shareOf(maxMarks: number, ranges: number): number {
  return Math.max(1, Math.floor(maxMarks / Math.max(1, ranges)))
}

function unmarked(start: bigint, end: bigint): MarkedRange {
  return { start, end, marks: new KnownSources(), aggregates: new KnownSources() }
}
