import type { FrameRow } from '../frames/frame-row.ts'
import type { Loss } from '../ledger.ts'
import type { Progress } from '../progress.ts'
import { frameHeads } from './frame-heads.ts'
import { type SeqRange, SeqRanges } from '../seq-ranges.ts'
import type { Segment } from '../segments/segment.ts'

/** Where it is not known whose records they were. */
export const unknownStream = ''

export interface LostOptions {
  /** Ids of the frames that are gone. */
  readonly missing: readonly SeqRange[]
  readonly progress: Progress
  /** Every source went back to before them: what can be read again is no loss. */
  readonly readAgain: boolean
}

/**
 * What was lost with frames that are gone, as the gaps in the sequence numbers around them show it;
 * where whole frames left no gap, a record for each. May count what was delivered after progress
 * was last saved.
 */
export async function lostRecords(
  segments: readonly Segment[],
  options: LostOptions
): Promise<Loss[]> {
  const gaps = new Gaps(options)
  for (const segment of segments) {
    for (const frame of await frameHeads(segment)) gaps.pass(frame)
  }
  return gaps.losses()
}

class Gaps {
  readonly #options: LostOptions
  readonly #last = new Map<string, FrameRow>()
  readonly #lost = new Map<string, number>()
  /** Missing frames that a gap shows, read again or not; about, where streams take turns. */
  #shown = 0
  /** A frame was seen, and none that cannot be read again. */
  #repeatable: boolean | undefined

  constructor(options: LostOptions) {
    this.#options = options
  }

  /** Frames come in the order of their ids. */
  pass(frame: FrameRow): void {
    const { stream, epoch, count, sources, unrepeatable } = frame
    this.#repeatable = sources.length > 0 && (this.#repeatable ?? true)
    const name = `${epoch}/${stream}`
    const before = this.#last.get(name)
    this.#last.set(name, frame)
    const frames = this.#missingBetween(before?.id ?? 0, frame.id)
    if (frames === 0) return
    const own = sources.length > 0 ? 0 : count
    const lasting = unrepeatable - own - (before?.unrepeatable ?? 0)
    const repeated = this.#options.readAgain && lasting === 0
    const gap = repeated && !before ? frame.first - 1 : this.#gap(frame, before)
    this.#shown += Math.min(frames, gap)
    this.#lose(stream, this.#options.readAgain ? Math.min(gap, lasting) : gap)
  }

  losses(): Loss[] {
    const { missing, readAgain } = this.#options
    const rest = sizeOf(missing) - this.#shown
    const [first] = this.#last.values()
    if (!(readAgain && this.#repeatable)) this.#lose(first?.stream ?? unknownStream, rest)
    return [...this.#lost].map(([stream, records]) => ({ stream, reason: 'corrupt', records }))
  }

  #lose(stream: string, records: number): void {
    if (records > 0) this.#lost.set(stream, (this.#lost.get(stream) ?? 0) + records)
  }

  #missingBetween(after: number, before: number): number {
    const inside = this.#options.missing.map(
      ([from, to]) => [Math.max(from, after + 1), Math.min(to, before - 1)] as const
    )
    return sizeOf(inside)
  }

  /** Records of its stream and epoch right before a frame that are neither there nor settled. */
  #gap(frame: FrameRow, before: FrameRow | undefined): number {
    const settled = new SeqRanges(
      this.#options.progress.runs.flatMap(({ stream, epoch, ranges }) =>
        stream === frame.stream && epoch === frame.epoch ? ranges : []
      )
    )
    const start = before ? before.first + before.count : this.#startOf(frame, settled)
    return sizeOf(settled.outside(start, frame.first - 1))
  }

  /** The first number that may be missing before the first frame that is there. */
  #startOf(frame: FrameRow, settled: SeqRanges): number {
    const [known] = settled.ranges()
    if (known) return known[0]
    const { through, gone } = this.#options.progress
    const begun = Object.values(through).some((id) => id > 0)
    const left = Object.values(gone).some((ranges) => ranges.length > 0)
    return begun || left ? frame.first : 1
  }
}

function sizeOf(ranges: readonly SeqRange[]): number {
  return ranges.reduce((sum, [from, to]) => sum + Math.max(0, to - from + 1), 0)
}
