import type { Log } from '../../../shared/log.ts'
import type { BatchHeader } from '../../../shared/wire/batch.ts'
import type { DeviceTime } from '../../clock/device-time.ts'
import type {
  FrameId,
  FrameStore,
  OverflowPolicy,
  Parked,
  SeqPlace,
  StoredFrame
} from '../buffer.ts'
import type { DeadLetters } from '../dead-letters.ts'
import { type FrameIndex, frameId, type FramePlace, framePlace } from './frame-index.ts'
import type { FrameRow } from './frame-row.ts'
import { FrameWalk } from './frame-walk.ts'
import type { Ledger } from '../ledger.ts'
import { lettersOf } from '../letters.ts'
import type { RecentFrames } from './recent-frames.ts'
import type { Run } from './run.ts'
import type { SegmentRow } from '../segments/segment-row.ts'
import type { SeqRange } from '../seq-ranges.ts'

export interface HeldFramesOptions {
  readonly device: string
  readonly index: FrameIndex
  readonly recent: RecentFrames
  readonly rows: Readonly<Record<OverflowPolicy, SegmentRow>>
  readonly deadLetters: DeadLetters
  readonly ledger: Ledger
  readonly time: DeviceTime
  readonly log: Log
  /** A segment was unlinked. */
  readonly roomMade: () => void
}

/** Runs to read, in order, and the frame of each behind which to begin. */
interface ReadPlan {
  readonly runs: readonly Run[]
  readonly start: (run: Run) => FramePlace | undefined
  readonly maxBytes: number
}

/** The sender's side of the buffer. */
export class HeldFrames implements Omit<FrameStore, 'changed'> {
  readonly counts = { released: 0, parked: 0 }
  readonly #options: HeldFramesOptions
  readonly #walk: FrameWalk

  constructor(options: HeldFramesOptions) {
    this.#options = options
    const unreadable = (run: Run, frame: FrameRow) => this.#unreadable(run, frame)
    this.#walk = new FrameWalk({ ...options, rows: Object.values(options.rows), unreadable })
  }

  streams(): readonly string[] {
    return this.#options.index.streams()
  }

  floor(stream: string, epoch: string): number {
    return this.#options.index.floor(stream, epoch)
  }

  currentHeader({ header, stamp }: StoredFrame): BatchHeader {
    const { index, time } = this.#options
    const floor = Math.min(index.floor(header.stream, header.epoch), header.first)
    return { ...header, floor, ...(stamp ? time.correctionOf(stamp) : {}) }
  }

  read(stream: string, after: FrameId | undefined, maxBytes: number): Promise<StoredFrame[]> {
    const { index } = this.#options
    const place = after === undefined ? undefined : framePlace(after)
    return this.#read(() => {
      const last = place && index.run(place.run)
      const start = (run: Run) => (run === last ? place : undefined)
      return { runs: index.runsOf(stream, last), start, maxBytes }
    })
  }

  /** As in `LaneStore`. */
  readFrom(stream: string, { epoch, seq }: SeqPlace, maxBytes: number): Promise<StoredFrame[]> {
    return this.#read(() => {
      const runs = this.#options.index.runsOf(stream)
      const wanted = runs.filter((run) => run.epoch === epoch && run.nextHeld(seq) !== undefined)
      // As if the frame just before had been read.
      const before = { first: 0, last: seq - 1 }
      const start = ({ key, oldest }: Run) => ({ ...before, run: key, id: oldest.id - 1 })
      return { runs: wanted, start, maxBytes }
    })
  }

  async release(id: FrameId, parked: readonly Parked[] = []): Promise<void> {
    const { index, recent } = this.#options
    const place = framePlace(id)
    const run = index.run(place.run)
    if (!run) return
    if (parked.length > 0) await this.#park(run, place, parked)
    const frame = recent.get(run.key, place.first)
    recent.delete(run.key, place.first)
    this.counts.released += this.#settle(run, [place.first, place.last], frame)
  }

  /** The plan is made again when nothing was found because a segment had to be salvaged. */
  async #read(plan: () => ReadPlan): Promise<StoredFrame[]> {
    for (;;) {
      const before = this.#walk.salvaged
      const found = await this.#readRuns(plan())
      if (found.length > 0 || this.#walk.salvaged === before) return found
    }
  }

  async #readRuns({ runs, start, maxBytes }: ReadPlan): Promise<StoredFrame[]> {
    const { salvaged } = this.#walk
    const found: StoredFrame[] = []
    let bytes = 0
    for (const run of runs) {
      for await (const frame of this.#walk.from(run, start(run), () => maxBytes - bytes)) {
        if (found.length > 0 && bytes + frame.body.length > maxBytes) return found
        bytes += frame.body.length
        found.push(this.#stored(run, frame))
      }
      // What was salvaged is in another run now, and comes before the runs that follow.
      if (bytes >= maxBytes || this.#walk.salvaged !== salvaged) break
    }
    return found
  }

  #settle(run: Run, range: SeqRange, frame?: FrameRow): number {
    const { index, rows, log, roomMade } = this.#options
    const count = index.settle(run, range, frame)
    if (index.holds(run.segment)) return count
    for (const row of Object.values(rows)) {
      if (!row.isSealed(run.segment)) continue
      row
        .sweep()
        .then((swept) => swept && roomMade())
        .catch((error: unknown) => log.warn({ error }, 'a sent segment cannot be unlinked'))
    }
    return count
  }

  async #unreadable(run: Run, frame: FrameRow): Promise<void> {
    const { stream, first, count } = frame
    const parked = { code: 'unreadable', reason: 'its checksum does not match' } as const
    await this.#bury(frame, [parked])
    this.#settle(run, [first, first + count - 1], frame)
    this.#options.log.error({ stream, records: count }, 'a stored frame is damaged; it was parked')
  }

  async #park(run: Run, place: FramePlace, parked: readonly Parked[]): Promise<void> {
    if (run.nextHeld(place.first) !== place.first) return
    const frame = await this.#walk.at(run, place)
    if (frame) return this.#bury(frame, parked)
    const records = place.last - place.first + 1
    await this.#options.ledger.add([{ stream: run.stream, reason: 'corrupt', records }])
  }

  async #bury(frame: FrameRow, parked: readonly Parked[]): Promise<void> {
    const { deadLetters, time } = this.#options
    const letters = await lettersOf(frame, parked, time.now().wallMs)
    await deadLetters.park(letters)
    for (const { seqs } of letters) {
      for (const [from, to] of seqs) this.counts.parked += to - from + 1
    }
  }

  #stored(run: Run, frame: FrameRow): StoredFrame {
    const { stream, epoch, first, count, prev, lane, clock, enc, body, crc } = frame
    const floor = this.floor(stream, epoch)
    const { device } = this.#options
    return {
      id: frameId({ run: run.key, id: frame.id, first, last: first + count - 1 }),
      header: { device, epoch, stream, first, count, prev, floor, lane, clock, offset: 0 },
      ...(frame.correctable ? { stamp: frame } : {}),
      closed: frame,
      enc,
      body,
      crc
    }
  }
}
