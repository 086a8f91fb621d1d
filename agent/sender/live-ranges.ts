import type { SeqRange } from '../buffer/buffer.ts'
import type { BatchLane } from '../../shared/wire/batch.ts'

/** With so many the newest overtakes nothing more: what waits is then sent in order. */
const maxRanges = 256

const end = Number.MAX_SAFE_INTEGER

/**
 * Which sequence numbers of one epoch and stream go by the live lane; the others go by the backlog.
 * A frame lies in one lane as a whole, so both ends of a range are ends of frames.
 */
export class LiveRanges {
  /** Ascending; between two of them lies backlog. */
  readonly #ranges: readonly SeqRange[]
  #attempted: number

  /** `attempted`: what is above it in the live lane never left. */
  constructor(ranges: readonly SeqRange[], attempted: number) {
    this.#ranges = ranges
    this.#attempted = attempted
  }

  /** `newest`: the last record that is stored, of an epoch that goes on. */
  static of(recorded: readonly SeqRange[] | undefined, newest: number | undefined): LiveRanges {
    if (!recorded) return new LiveRanges([[1, end]], 0)
    const last = recorded.at(-1)
    if (newest === undefined) return new LiveRanges(recorded, end)
    if (!last) return new LiveRanges([[1, end]], 0)
    const [from, to] = last
    return new LiveRanges([...recorded.slice(0, -1), [from, end]], Math.min(to, newest))
  }

  /** Whether all of it is live. */
  get whole(): boolean {
    const [first] = this.#ranges
    return first?.[0] === 1 && first[1] === end
  }

  laneOf(seq: number): BatchLane {
    return this.#ranges.some(([from, to]) => from <= seq && seq <= to) ? 0 : 1
  }

  /** The first stretch of a lane from `seq` on; undefined when there is none. */
  next(lane: BatchLane, seq: number): SeqRange | undefined {
    const stretch = this.#stretches(lane).find(([, to]) => to >= seq)
    return stretch && [Math.max(stretch[0], seq), stretch[1]]
  }

  /** The last number of its lane before a frame that begins with `first`; 0 when there is none. */
  prev(first: number): number {
    const before = this.#stretches(this.laneOf(first)).findLast(([from]) => from < first)
    return before ? Math.min(before[1], first - 1) : 0
  }

  hasLeft(seq: number): boolean {
    return seq <= this.#attempted
  }

  /** A frame that ends with `last` leaves by the live lane. */
  leave(last: number): void {
    this.#attempted = Math.max(this.#attempted, last)
  }

  /** What never left is backlog. */
  cut(): LiveRanges {
    const ranges = this.#ranges.map(([from, to]) => [from, Math.min(to, this.#attempted)] as const)
    return new LiveRanges(
      ranges.filter(([from, to]) => from <= to),
      this.#attempted
    )
  }

  /**
   * What never left is backlog, but for the frame that begins with `first` and what comes after;
   * undefined when there are too many ranges.
   */
  jump(first: number): LiveRanges | undefined {
    if (this.#ranges.length >= maxRanges) return undefined
    return new LiveRanges([...this.cut().#ranges, [first, end]], this.#attempted)
  }

  /** Without what lies below `final` as a whole. */
  forget(final: number): LiveRanges {
    return new LiveRanges(
      this.#ranges.filter(([, to]) => to >= final),
      this.#attempted
    )
  }

  ranges(): readonly SeqRange[] {
    return this.#ranges
  }

  #stretches(lane: BatchLane): readonly SeqRange[] {
    if (lane === 0) return this.#ranges
    let at = 1
    const between: SeqRange[] = []
    for (const [from, to] of [...this.#ranges, [end, end] as const]) {
      if (at < from) between.push([at, from - 1])
      at = to + 1
    }
    return between
  }
}
