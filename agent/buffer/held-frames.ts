import type { Log } from '../../shared/log.ts'
import type { SqlRow } from '../../shared/sqlite.ts'
import type { Bell } from './bell.ts'
import type { BootTime } from './boot-time.ts'
import type { FrameId, FrameStore, OverflowPolicy, Parked, StoredFrame } from './buffer.ts'
import type { DeadLetter, DeadLetters } from './dead-letters.ts'
import { type FrameIndex, frameId, type FramePlace, framePlace } from './frame-index.ts'
import { type FrameRow, parseFrame, parseHead } from './frame-row.ts'
import type { Ledger } from './ledger.ts'
import { lettersOf } from './letters.ts'
import type { RecentFrames } from './recent-frames.ts'
import type { Run } from './run.ts'
import type { SegmentRow } from './segment-row.ts'
import type { FrameQuery } from './segment.ts'
import type { SeqRange } from './seq-ranges.ts'
import { isCorrupt } from './store-file.ts'

export interface HeldFramesOptions {
  readonly device: string
  readonly index: FrameIndex
  readonly recent: RecentFrames
  readonly rows: Readonly<Record<OverflowPolicy, SegmentRow>>
  readonly deadLetters: DeadLetters
  readonly ledger: Ledger
  readonly time: BootTime
  readonly bell: Bell
  readonly log: Log
  /** A segment was unlinked. */
  readonly roomMade: () => void
}

/** The sender's side of the buffer. `changed` is for one caller at a time. */
export class HeldFrames implements FrameStore {
  readonly #options: HeldFramesOptions
  readonly counts = { released: 0, parked: 0 }
  /** Segments that were found damaged while they were read. */
  #recoveries = 0

  constructor(options: HeldFramesOptions) {
    this.#options = options
  }

  streams(): readonly string[] {
    return this.#options.index.streams()
  }

  floor(stream: string, epoch: string): number {
    return this.#options.index.floor(stream, epoch)
  }

  changed(signal: AbortSignal): Promise<void> {
    return this.#options.bell.wait(signal)
  }

  async read(stream: string, after: FrameId | undefined, maxBytes: number): Promise<StoredFrame[]> {
    for (;;) {
      const before = this.#recoveries
      const found = await this.#read(stream, after, maxBytes)
      if (found.length > 0 || this.#recoveries === before) return found
    }
  }

  async #read(stream: string, after: FrameId | undefined, maxBytes: number) {
    const { index } = this.#options
    const place = after === undefined ? undefined : framePlace(after)
    const from = place && index.run(place.run)
    const found: StoredFrame[] = []
    let bytes = 0
    for (const run of index.runsOf(stream, from)) {
      const start = run === from ? place : undefined
      for await (const frame of this.#walk(run, start, () => maxBytes - bytes)) {
        if (found.length > 0 && bytes + frame.body.length > maxBytes) return found
        bytes += frame.body.length
        found.push(this.#stored(run, frame))
      }
      if (bytes >= maxBytes) break
    }
    return found
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

  #settle(run: Run, range: SeqRange, frame?: FrameRow): number {
    const { index, rows, log, roomMade } = this.#options
    const count = index.settle(run, range, frame)
    if (index.holds(run.segment)) return count
    for (const row of Object.values(rows)) {
      row
        .sweep()
        .then((swept) => swept && roomMade())
        .catch((error: unknown) => log.warn({ error }, 'a sent segment cannot be unlinked'))
    }
    return count
  }

  /** The held frames of a run that follow `after`, in order. `room`: how many bytes are wanted. */
  async *#walk(
    run: Run,
    after: FramePlace | undefined,
    room: () => number
  ): AsyncGenerator<FrameRow> {
    const { recent } = this.#options
    let fromId = after ? after.id + 1 : run.oldest.id
    let read: readonly FrameRow[] = []
    let next = run.nextHeld(after ? after.last + 1 : undefined)
    while (next !== undefined) {
      const first: number = next
      const frame: FrameRow | undefined =
        recent.get(run.key, first) ?? read.find((one) => one.first === first)
      if (frame) {
        yield frame
        fromId = frame.id + 1
        next = run.nextHeld(first + frame.count)
        continue
      }
      read = await this.#fetch(run, { seq: first, fromId, maxBytes: room() })
      if (read.length === 0) return
      next = run.nextHeld(first)
    }
  }

  /** Held frames from the disk, that of `seq` first; what cannot be read before it is given up. */
  async #fetch(
    run: Run,
    { seq, fromId, maxBytes }: { seq: number; fromId: number; maxBytes: number }
  ): Promise<FrameRow[]> {
    const { stream, epoch, last, lastId: toId } = run
    const damaged: SqlRow[] = []
    for (let at = fromId; ; ) {
      const rows = await this.#rowsOf(run, { stream, epoch, fromId: at, toId, maxBytes })
      if (!rows) return []
      const held = rows.flatMap((row) => this.#heldFrame(run, row) ?? [])
      const [first] = held
      damaged.push(...rows.filter((row) => !first || (row['id'] as number) < first.id))
      at = ((rows.at(-1)?.['id'] as number | undefined) ?? toId) + 1
      if (!first && at <= toId) continue
      const until = first ? first.first - 1 : last
      if (until >= seq) await this.#giveUp(run, [seq, until], damaged)
      for (const frame of held) this.#options.recent.put(run.key, frame)
      return held
    }
  }

  #heldFrame(run: Run, row: SqlRow): FrameRow | undefined {
    const frame = parseFrame(row)
    return frame && run.nextHeld(frame.first) === frame.first ? frame : undefined
  }

  /** Undefined when the segment is gone, or had to be salvaged: then there are new runs to read. */
  async #rowsOf(run: Run, query: FrameQuery): Promise<SqlRow[] | undefined> {
    const { index, rows } = this.#options
    for (const row of Object.values(rows)) {
      const segment = await row.segment(run.segment)
      if (!segment) continue
      try {
        return await segment.frames(query)
      } catch (error) {
        if (!index.run(run.key)) return undefined
        if (!isCorrupt(error)) throw error
        await row.recover(run.segment, error)
        this.#recoveries += 1
      }
    }
    return undefined
  }

  /** Frames whose head is intact go to the dead letters, what else is missing to the ledger. */
  async #giveUp(run: Run, range: SeqRange, damaged: readonly SqlRow[]): Promise<void> {
    const { deadLetters, ledger, log, time } = this.#options
    const { stream } = run
    const frames = damaged.flatMap((row) => this.#unreadable(run, row) ?? [])
    const parked = frames.reduce((sum, { count }) => sum + count, 0)
    const reason = 'its checksum does not match'
    for (const frame of frames) {
      const letters = await lettersOf(frame, [{ code: 'unreadable', reason }], time.now().wallMs)
      await deadLetters.park(letters)
      this.#settle(run, [frame.first, frame.first + frame.count - 1], frame)
    }
    const lost = this.#settle(run, range)
    if (lost > 0) await ledger.add([{ stream, reason: 'corrupt', records: lost }])
    this.counts.parked += parked
    log.error({ stream, parked, lost }, 'stored frames cannot be read')
  }

  #unreadable(run: Run, row: SqlRow): FrameRow | undefined {
    if (parseFrame(row)) return undefined
    const frame = parseHead(row)
    return frame && run.nextHeld(frame.first) === frame.first ? frame : undefined
  }

  async #park(run: Run, place: FramePlace, parked: readonly Parked[]): Promise<void> {
    const { deadLetters, ledger, recent, time } = this.#options
    if (run.nextHeld(place.first) !== place.first) return
    const { stream, epoch } = run
    const query = { stream, epoch, fromId: place.id, toId: place.id, maxBytes: 0 }
    const known = recent.get(run.key, place.first)
    const row = known ? undefined : (await this.#rowsOf(run, query))?.[0]
    const frame = known ?? (row && parseHead(row))
    if (!frame) {
      const records = place.last - place.first + 1
      return ledger.add([{ stream, reason: 'corrupt', records }])
    }
    const letters = await lettersOf(frame, parked, time.now().wallMs)
    await deadLetters.park(letters)
    for (const { seqs } of letters) {
      for (const [from, to] of seqs) this.counts.parked += to - from + 1
    }
  }

  #stored(run: Run, frame: FrameRow): StoredFrame {
    const { stream, epoch, first, count, prev, lane, clock, enc, body, crc } = frame
    const last = first + count - 1
    const floor = this.floor(stream, epoch)
    const { device } = this.#options
    return {
      id: frameId({ run: run.key, id: frame.id, first, last }),
      header: { device, epoch, stream, first, count, prev, floor, lane, clock, offset: 0 },
      enc,
      body,
      crc
    }
  }
}
