import type { FrameId, NewestFrame, SeqPlace } from '../buffer.ts'
import type { FrameRow } from './frame-row.ts'
import { type Oldest, Run, type RunSummary } from './run.ts'
import type { SeqRange } from '../seq-ranges.ts'

/** Where a frame lies; its text is the `FrameId`. */
export interface FramePlace {
  readonly run: number
  readonly id: number
  readonly first: number
  readonly last: number
}

export function frameId({ run, id, first, last }: FramePlace): FrameId {
  return `${run}.${id}.${first}.${last}`
}

export function framePlace(id: FrameId): FramePlace {
  const [run = 0, row = 0, first = 0, last = 0] = id.split('.').map(Number)
  return { run, id: row, first, last }
}

/** Sequence numbers of one stream and epoch that are settled. */
export interface SettledRun {
  readonly stream: string
  readonly epoch: string
  readonly ranges: readonly SeqRange[]
}

/** What is held, by stream, epoch and segment: the state that can be asked without the disk. */
export class FrameIndex {
  readonly #runs = new Map<number, Run>()
  /** Runs of a segment by epoch and stream. */
  readonly #segments = new Map<number, Map<string, Run>>()
  /** Lowest and highest id of the frames of a segment. */
  readonly #ids = new Map<number, SeqRange>()
  /** Runs that hold something, oldest first. */
  readonly #streams = new Map<string, Run[]>()
  readonly #newest = new Map<string, NewestFrame>()
  #nextKey = 1
  #records = 0

  get records(): number {
    return this.#records
  }

  /** Takes over a segment that was there at the start; segments come in any order. */
  load(segment: number, summaries: readonly RunSummary[], settled: readonly SettledRun[]): void {
    for (const summary of summaries) {
      const known = settled.filter(
        ({ stream, epoch }) => stream === summary.stream && epoch === summary.epoch
      )
      this.#addRun(
        segment,
        summary,
        known.flatMap(({ ranges }) => ranges)
      )
    }
    for (const runs of this.#streams.values()) {
      runs.sort((a, b) => a.oldest.version - b.oldest.version)
    }
  }

  /** A frame was committed as the newest of its segment. */
  add(segment: number, frame: FrameRow): Run {
    const { epoch, first, count } = frame
    this.#newest.set(frame.stream, { epoch, first, last: first + count - 1 })
    const run = this.#segments.get(segment)?.get(runName(frame))
    if (!run) {
      return this.#addRun(segment, {
        ...frame,
        firstId: frame.id,
        lastId: frame.id,
        frames: 1,
        last: frame.first + frame.count - 1,
        lastVersion: frame.version,
        gaps: []
      })
    }
    if (run.held === 0) this.#list(run)
    run.add(frame)
    this.#spanIds(segment, frame.id, frame.id)
    this.#records += frame.count
    return run
  }

  run(key: number): Run | undefined {
    return this.#runs.get(key)
  }

  /** The runs of a stream that hold something, oldest first, from run `from` on. */
  runsOf(stream: string, from?: Run): readonly Run[] {
    const runs = this.#streams.get(stream) ?? []
    if (!from) return runs
    return runs.filter((run) => run === from || run.oldest.version >= from.oldest.version)
  }

  /** Says how many records are settled by this that were not before. */
  settle(run: Run, range: SeqRange, frame?: FrameRow): number {
    const count = run.settle(...range, frame)
    this.#records -= count
    if (run.held === 0) this.#unlist(run)
    return count
  }

  /** As `settle`, for a frame of a segment that is not sent, since its sources bring it again. */
  giveUp(segment: number, frame: FrameRow): number {
    const run = this.#segments.get(segment)?.get(runName(frame))
    if (!run) return 0
    return this.settle(run, [frame.first, frame.first + frame.count - 1], frame)
  }

  /** Lowest and highest id of the frames of a segment; undefined when it has none. */
  idsIn(segment: number): SeqRange | undefined {
    return this.#ids.get(segment)
  }

  /** Records held in a segment, by stream. */
  heldIn(segment: number): ReadonlyMap<string, number> {
    const held = new Map<string, number>()
    for (const run of this.#segments.get(segment)?.values() ?? []) {
      if (run.held > 0) held.set(run.stream, (held.get(run.stream) ?? 0) + run.held)
    }
    return held
  }

  holds(segment: number): boolean {
    return this.heldIn(segment).size > 0
  }

  /** Whether it had frames, held or not. */
  knows(segment: number): boolean {
    return this.#segments.has(segment)
  }

  settledIn(segment: number): SettledRun[] {
    return [...(this.#segments.get(segment)?.values() ?? [])]
      .map((run) => ({ stream: run.stream, epoch: run.epoch, ranges: run.settled() }))
      .filter(({ ranges }) => ranges.length > 0)
  }

  settledRuns(): SettledRun[] {
    return [...this.#segments.keys()].flatMap((segment) => this.settledIn(segment))
  }

  /** Forgets a segment and all that is held in it. */
  forget(segment: number): void {
    for (const run of this.#segments.get(segment)?.values() ?? []) {
      this.#runs.delete(run.key)
      this.#records -= run.held
      this.#unlist(run)
    }
    this.#segments.delete(segment)
    this.#ids.delete(segment)
  }

  floor(stream: string, epoch: string): number {
    const run = this.#streams.get(stream)?.find((one) => one.epoch === epoch)
    return run?.nextHeld() ?? 0
  }

  /** As in `LaneStore`. */
  nextHeld(stream: string, { epoch, seq }: SeqPlace): number {
    for (const run of this.#streams.get(stream) ?? []) {
      const next = run.epoch === epoch ? run.nextHeld(seq) : undefined
      if (next !== undefined) return next
    }
    return 0
  }

  newest(stream: string): NewestFrame | undefined {
    return this.#newest.get(stream)
  }

  /** Epochs of which anything is held. */
  allEpochs(): ReadonlySet<string> {
    return new Set([...this.#runs.values()].flatMap(({ held, epoch }) => (held > 0 ? epoch : [])))
  }

  /** Epochs of which a stream holds something, oldest first. */
  epochs(stream: string): readonly string[] {
    return [...new Set(this.runsOf(stream).map(({ epoch }) => epoch))]
  }

  /** Streams that hold something, the one with the oldest frame first. */
  streams(): readonly string[] {
    return [...this.#streams]
      .map(([stream, [run]]) => [run?.oldest.version ?? 0, stream] as const)
      .sort(([a], [b]) => a - b)
      .map(([, stream]) => stream)
  }

  /** The oldest frame that is held, or one before it. */
  oldest(): Oldest | undefined {
    return [...this.#streams.values()]
      .flatMap(([run]) => run?.oldest ?? [])
      .reduce<Oldest | undefined>((a, b) => (a && a.version <= b.version ? a : b), undefined)
  }

  /** A lower bound for the ids that are held in these segments; undefined when none is. */
  lowestId(segments: readonly number[]): number | undefined {
    const ids = segments
      .flatMap((segment) => [...(this.#segments.get(segment)?.values() ?? [])])
      .filter((run) => run.held > 0)
      .map((run) => run.oldest.id)
    return ids.length > 0 ? Math.min(...ids) : undefined
  }

  #addRun(segment: number, summary: RunSummary, settled: readonly SeqRange[] = []): Run {
    const run = new Run({ key: this.#nextKey++, segment }, summary, settled)
    const runs = this.#segments.get(segment) ?? new Map<string, Run>()
    this.#segments.set(segment, runs.set(runName(run), run))
    this.#runs.set(run.key, run)
    this.#spanIds(segment, summary.firstId, summary.lastId)
    this.#records += run.held
    if (run.held > 0) this.#list(run)
    return run
  }

  #spanIds(segment: number, from: number, to: number): void {
    const [first, last] = this.#ids.get(segment) ?? [from, to]
    this.#ids.set(segment, [Math.min(first, from), Math.max(last, to)])
  }

  #list(run: Run): void {
    const runs = this.#streams.get(run.stream)
    if (runs) runs.push(run)
    else this.#streams.set(run.stream, [run])
  }

  #unlist(run: Run): void {
    const runs = (this.#streams.get(run.stream) ?? []).filter((one) => one !== run)
    if (runs.length > 0) this.#streams.set(run.stream, runs)
    else this.#streams.delete(run.stream)
  }
}

function runName({ epoch, stream }: { epoch: string; stream: string }): string {
  return `${epoch}/${stream}`
}
