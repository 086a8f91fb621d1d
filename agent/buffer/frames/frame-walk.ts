import type { SqlRow } from '../../../shared/sqlite.ts'
import { frameCrc } from '../../../shared/wire/batch.ts'
import type { FrameIndex, FramePlace } from './frame-index.ts'
import { type FrameRow, parseHead } from './frame-row.ts'
import type { RecentFrames } from './recent-frames.ts'
import type { Run } from './run.ts'
import type { FrameQuery } from '../segments/segment.ts'
import type { SegmentRow } from '../segments/segment-row.ts'
import { isCorrupt } from '../store/store-file.ts'

export interface FrameWalkOptions {
  readonly index: FrameIndex
  readonly recent: RecentFrames
  readonly rows: readonly SegmentRow[]
  /** Takes a frame whose head is intact and whose body is not; settled when it resolves. */
  readonly unreadable: (run: Run, frame: FrameRow) => Promise<void>
}

/** Finds frames in memory or on disk, and sees to it that damaged ones do not stop the others. */
export class FrameWalk {
  readonly #options: FrameWalkOptions
  #salvaged = 0

  constructor(options: FrameWalkOptions) {
    this.#options = options
  }

  /** Segments that were found damaged on the way: their runs are others since. */
  get salvaged(): number {
    return this.#salvaged
  }

  /** The held frames of a run that follow `after`, in order. `room`: how many bytes are wanted. */
  async *from(
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

  /** One frame, if it is there; its body may be damaged. */
  async at(run: Run, { id, first }: FramePlace): Promise<FrameRow | undefined> {
    const known = this.#options.recent.get(run.key, first)
    if (known) return known
    const { stream, epoch } = run
    const [row] =
      (await this.#rows(run, {
        stream,
        epoch,
        fromId: id,
        toId: id,
        fromSeq: first,
        maxBytes: 0
      })) ?? []
    return row && parseHead(row)
  }

  /** Held frames from the disk, that of `seq` first; none when the segment had to be salvaged. */
  async #fetch(
    run: Run,
    { seq, fromId, maxBytes }: { seq: number; fromId: number; maxBytes: number }
  ): Promise<FrameRow[]> {
    const { stream, epoch, last, lastId: toId } = run
    const sound: FrameRow[] = []
    for (let at = fromId; at <= toId && sound.length === 0; ) {
      const rows = await this.#rows(run, {
        stream,
        epoch,
        fromId: at,
        toId,
        fromSeq: seq,
        maxBytes
      })
      if (!rows) return []
      for (const row of rows) {
        const frame = parseHead(row)
        if (!frame || run.nextHeld(frame.first) !== frame.first) continue
        if (frameCrc(frame.body) === frame.crc) sound.push(frame)
        else await this.#options.unreadable(run, frame)
      }
      at = ((rows.at(-1)?.['id'] as number | undefined) ?? toId) + 1
    }
    const next = run.nextHeld(seq)
    if (next !== undefined && next <= last && next !== sound[0]?.first) {
      await this.#salvage(run, 'frames are missing, or cannot be told apart')
      return []
    }
    for (const frame of sound) this.#options.recent.put(run.key, frame)
    return sound
  }

  /** Undefined when the segment is gone, or had to be salvaged. */
  async #rows(run: Run, query: FrameQuery): Promise<SqlRow[] | undefined> {
    const { index, rows } = this.#options
    try {
      for (const row of rows) {
        const segment = await row.segment(run.segment)
        if (segment) return await segment.frames(query)
      }
    } catch (error) {
      // The overflow policy may have taken it meanwhile.
      if (!index.run(run.key)) return undefined
      if (!isCorrupt(error)) throw error
      await this.#salvage(run, error)
    }
    return undefined
  }

  async #salvage(run: Run, cause: unknown): Promise<void> {
    for (const row of this.#options.rows) await row.recover(run.segment, cause)
    this.#salvaged += 1
  }
}
