import type { FrameRow } from './frame-row.ts'
import { type SeqRange, SeqRanges } from '../seq-ranges.ts'

/** The frames of one stream and epoch in one segment, as they lie on disk. */
export interface RunSummary {
  readonly stream: string
  readonly epoch: string
  readonly firstId: number
  readonly lastId: number
  readonly frames: number
  readonly first: number
  readonly last: number
  /** Commits that brought its oldest and its newest frame. */
  readonly version: number
  readonly lastVersion: number
  /** When its oldest frame was closed, as in `FrameRow`. */
  readonly wallMs: number
  readonly uptimeMs: number
  readonly boot: string
  /** Sequence numbers between `first` and `last` that are not there. */
  readonly gaps: readonly SeqRange[]
}

/** Lower bounds for the oldest frame that is held. */
export type Oldest = Pick<FrameRow, 'id' | 'version' | 'wallMs' | 'uptimeMs' | 'boot'>

/**
 * What is held of the frames of one stream and epoch in one segment. A few numbers, however many
 * frames there are: what is released is kept as ranges.
 */
export class Run {
  /** Names the run in frame ids, for the life of the buffer. */
  readonly key: number
  readonly segment: number
  readonly stream: string
  readonly epoch: string
  readonly #first: number
  #last: number
  #lastId: number
  /** Released, or not there. */
  readonly #settled = new SeqRanges()
  #records: number
  #oldest: Oldest

  constructor(
    place: { readonly key: number; readonly segment: number },
    summary: RunSummary,
    settled: readonly SeqRange[] = []
  ) {
    this.key = place.key
    this.segment = place.segment
    this.stream = summary.stream
    this.epoch = summary.epoch
    this.#first = summary.first
    this.#last = summary.last
    this.#lastId = summary.lastId
    this.#oldest = oldestFrom(summary, summary.firstId)
    this.#records = this.#last - this.#first + 1
    for (const range of [...summary.gaps, ...settled]) this.settle(...range)
  }

  get held(): number {
    return this.#records
  }

  get last(): number {
    return this.#last
  }

  get lastId(): number {
    return this.#lastId
  }

  get oldest(): Oldest {
    return this.#oldest
  }

  add(frame: FrameRow): void {
    if (this.#records === 0) this.#oldest = oldestFrom(frame, frame.id)
    this.#last = frame.first + frame.count - 1
    this.#lastId = frame.id
    this.#records += frame.count
  }

  /** The lowest sequence number from `seq` on that is held; undefined at the end. */
  nextHeld(seq = this.#first): number | undefined {
    const next = this.#settled.nextOutside(Math.max(seq, this.#first))
    return next <= this.#last ? next : undefined
  }

  /** Says how many records are settled by this that were not before. `frame`: the one they lay in. */
  settle(from: number, to: number, frame?: FrameRow): number {
    const before = this.nextHeld()
    const count = this.#settled.add(Math.max(from, this.#first), Math.min(to, this.#last))
    this.#records -= count
    if (frame && before === from) this.#oldest = oldestFrom(frame, frame.id + 1)
    return count
  }

  settled(): readonly SeqRange[] {
    return this.#settled.ranges()
  }
}

function oldestFrom({ version, wallMs, uptimeMs, boot }: Omit<Oldest, 'id'>, id: number): Oldest {
  return { id, version, wallMs, uptimeMs, boot }
}
