import type { BatchLane } from '../../shared/wire/batch.ts'
import type { LaneStore, SeqRange, StoredFrame } from '../buffer/buffer.ts'
import type { FrameHead } from './frame-reader.ts'
import { LiveRanges } from './live-ranges.ts'

export interface LaneBookOptions {
  readonly stream: string
  readonly lanes: LaneStore
  /** Frames that wait for longer become backlog once the newest could go in their place. */
  readonly backlogAfterMs: number
}

/**
 * Knows in which lane each frame of a stream goes. A frame keeps the lane in which it was first sent,
 * over restarts too, because the gateway tells repeats by lane: what depends on a range is sent after
 * the range is on disk.
 *
 * On disk the live lane of the newest epoch is open, up to all that comes, while frames leave by it,
 * and closed behind the last that left while none do. So what was never sent when the agent dies in
 * an outage is backlog at the next start, and nothing is written for a single frame.
 */
export class LaneBook {
  readonly #options: LaneBookOptions
  #epochs = new Map<string, LiveRanges>()
  /** The epoch whose live lane is open on disk. */
  #open: string | undefined
  /** The newest epoch when all was closed on disk, if nothing was opened since. */
  #closed: string | undefined

  constructor(options: LaneBookOptions) {
    this.#options = options
  }

  /** Whether no frame that is held can have been sent as backlog. */
  get single(): boolean {
    const { stream, lanes } = this.#options
    return lanes.epochs(stream).every((epoch) => this.#of(epoch).whole)
  }

  /** Frames of a lane that follow `after`, oldest first; none at its end. */
  async read(
    lane: BatchLane,
    after: FrameHead | undefined,
    maxBytes: number
  ): Promise<StoredFrame[]> {
    const { stream, lanes } = this.#options
    const epochs = lanes.epochs(stream)
    const from = after ? epochs.indexOf(after.header.epoch) : -1
    for (const epoch of epochs.slice(Math.max(0, from))) {
      const goesOn = after?.header.epoch === epoch
      const seq = goesOn ? after.header.first + after.header.count : 1
      const stretch = this.#nextHeld(lane, epoch, seq)
      if (!stretch) continue
      const [first, last] = stretch
      const read = await lanes.readFrom(stream, { epoch, seq: first }, maxBytes)
      const frames = read.filter(({ header }) => header.first <= last)
      if (frames.length > 0) return frames.map((frame) => this.stamp(frame))
    }
    return []
  }

  /** The frame with the header of its lane. */
  stamp(frame: StoredFrame): StoredFrame {
    const { header } = frame
    const ranges = this.#of(header.epoch)
    const lane = ranges.laneOf(header.first)
    return { ...frame, header: { ...header, lane, prev: ranges.prev(header.first) } }
  }

  /**
   * Whether this frame, the next of the live lane, may leave by it now, with which it is taken to
   * have left; false when it has become backlog. Rejects when that cannot be brought to disk.
   */
  async admit(frame: StoredFrame): Promise<boolean> {
    const { epoch, first, count } = frame.header
    if (this.#of(epoch).hasLeft(first)) return true
    const epochs = this.#jumped(frame)
    if (epochs || this.#open !== epoch) {
      this.#open = undefined
      this.#closed = undefined
      await this.#save(epochs ?? this.#epochs)
      this.#open = epoch
    }
    const ranges = this.#of(epoch)
    if (ranges.laneOf(first) !== 0) return false
    ranges.leave(first + count - 1)
    return true
  }

  /** Nothing leaves by the live lane now: brings to disk which frames did. */
  async close(): Promise<void> {
    const { stream, lanes } = this.#options
    const newest = lanes.newest(stream)?.epoch ?? ''
    if (this.#closed === newest) return
    this.#open = undefined
    const live = this.#known().map((epoch) => [epoch, this.#of(epoch).cut().ranges()] as const)
    await lanes.saveLive(stream, new Map(live))
    this.#closed = newest
  }

  /** The ranges after the newest frame has overtaken what waits; undefined when it is not to. */
  #jumped(frame: StoredFrame): Map<string, LiveRanges> | undefined {
    const { stream, lanes, backlogAfterMs } = this.#options
    const newest = lanes.newest(stream)
    const { epoch, first } = frame.header
    if (!newest || (newest.epoch === epoch && newest.first <= first)) return undefined
    if (lanes.ageMs(frame) < backlogAfterMs) return undefined
    const ranges = this.#of(newest.epoch).jump(newest.first)
    if (!ranges) return undefined
    const jumped = new Map(this.#known().map((one) => [one, this.#of(one).cut()] as const))
    return jumped.set(newest.epoch, ranges)
  }

  async #save(epochs: Map<string, LiveRanges>): Promise<void> {
    const { stream, lanes } = this.#options
    const kept = new Map<string, LiveRanges>()
    for (const epoch of this.#known()) {
      const ranges = epochs.get(epoch) ?? this.#of(epoch)
      kept.set(epoch, ranges.forget(lanes.final(stream, epoch)))
    }
    const live = new Map<string, readonly SeqRange[]>()
    for (const [epoch, ranges] of kept) live.set(epoch, ranges.ranges())
    await lanes.saveLive(stream, live)
    this.#epochs = kept
  }

  /** Epochs of which something is held or may come. */
  #known(): readonly string[] {
    const { stream, lanes } = this.#options
    const newest = lanes.newest(stream)
    return [...new Set([...lanes.epochs(stream), ...(newest ? [newest.epoch] : [])])]
  }

  /** The first stretch of a lane of which something is held, from there on. */
  #nextHeld(lane: BatchLane, epoch: string, from: number): SeqRange | undefined {
    const { stream, lanes } = this.#options
    const ranges = this.#of(epoch)
    for (let stretch = ranges.next(lane, from); stretch; ) {
      const held = lanes.nextHeld(stream, { epoch, seq: stretch[0] })
      if (held === 0) return undefined
      if (held <= stretch[1]) return [held, stretch[1]]
      stretch = ranges.next(lane, held)
    }
    return undefined
  }

  #of(epoch: string): LiveRanges {
    const known = this.#epochs.get(epoch)
    if (known) return known
    const { stream, lanes } = this.#options
    const newest = lanes.newest(stream)
    const last = newest?.epoch === epoch ? newest.last : undefined
    const ranges = LiveRanges.of(lanes.live(stream, epoch), last)
    this.#epochs.set(epoch, ranges)
    return ranges
  }
}
