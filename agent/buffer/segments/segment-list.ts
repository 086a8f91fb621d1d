import type { OverflowPolicy } from '../buffer.ts'
import { OpenSegments } from './open-segments.ts'
import type { RowShared } from './row-shared.ts'
import { Segment } from './segment.ts'
import { segmentPlace } from './segment-files.ts'

/** The files of one row of segments, oldest first. */
export class SegmentList {
  readonly policy: OverflowPolicy
  readonly #shared: RowShared
  readonly #open = new OpenSegments()
  #segments: readonly Segment[]

  constructor(policy: OverflowPolicy, shared: RowShared, segments: readonly Segment[]) {
    this.policy = policy
    this.#shared = shared
    this.#segments = segments
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  get newest(): Segment | undefined {
    return this.#segments.at(-1)
  }

  /** All that take no more commits. */
  get sealed(): readonly Segment[] {
    return this.#segments.slice(0, -1)
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** A new segment would begin with the cursors of the newest, too: dropping wins nothing of them. */
  get droppableBytes(): number {
    return this.bytes - (this.newest?.bornBytes ?? 0)
  }

  get numbers(): number[] {
    return this.#segments.map(({ place }) => place.number)
  }

  withNumber(number: number): Segment | undefined {
    return this.#segments.find(({ place }) => place.number === number)
  }

  /** Makes one that takes no more commits ready to be read. */
  async touch(segment: Segment): Promise<void> {
    if (this.sealed.includes(segment)) await this.#open.touch(segment)
  }

  /** A new newest one, with the cursors as they are now. */
  async begin(): Promise<Segment> {
    const { store, cursors, sequence } = this.#shared
    const number = sequence.nextSegment()
    const place = segmentPlace(store.directory, { policy: this.policy, number, generation: 0 })
    const segment = await Segment.create(store, place, cursors.of(this.policy))
    this.#segments = [...this.#segments, segment]
    return segment
  }

  /** Nothing is read from this one any more. */
  abandon(damaged: Segment): void {
    this.#open.forget(damaged)
  }

  replace(damaged: Segment, salvaged: Segment): void {
    this.#segments = this.#segments.map((one) => (one === damaged ? salvaged : one))
  }

  async remove(segment: Segment): Promise<void> {
    this.#segments = this.#segments.filter((one) => one !== segment)
    this.#open.forget(segment)
    this.#shared.index.forget(segment.place.number)
    await segment.remove().catch((error: unknown) => {
      const { path } = segment.place
      this.#shared.store.log.warn({ error, path }, 'a segment cannot be unlinked; it may come back')
    })
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.close()
  }
}
