import type { Cursor, OverflowPolicy } from '../buffer.ts'
import type { Shortage } from '../capacity.ts'
import type { FrameDraft } from '../intake/frame-builder.ts'
import type { FrameRow } from '../frames/frame-row.ts'
import { OpenSegments } from './open-segments.ts'
import { recoverHeld } from '../recovery/recovery.ts'
import type { FoundRow } from '../recovery/row-loader.ts'
import type { RowShared } from './row-shared.ts'
import type { SeqRange } from '../seq-ranges.ts'
import { type Commit, Segment } from './segment.ts'
import { segmentPlace } from './segment-files.ts'
import { isUnwritable } from '../store/data-directory.ts'
import { isCorrupt } from '../store/store-file.ts'
import { Turns } from '../store/turns.ts'

/** About what SQLite adds: a part of the bytes, and pages for the schema and the tables. */
const growth = { part: 1.03, pages: 12 }

/**
 * The segments of one overflow policy, oldest first. The newest takes the commits; one that is
 * released in full is unlinked. Calls that write come one at a time.
 */
export class SegmentRow {
  readonly policy: OverflowPolicy
  readonly #shared: RowShared
  readonly #open = new OpenSegments()
  readonly #turns = new Turns()
  #segments: Segment[]
  #lastId: number
  /** Ids from this on may be those of a segment that was left aside. */
  readonly #asideId: number
  /** The newest segment takes commits; it does not after one that failed. */
  #writable: boolean

  constructor(
    policy: OverflowPolicy,
    shared: RowShared,
    found: Pick<FoundRow, 'segments' | 'lastId' | 'doubtful' | 'asideId'>
  ) {
    this.policy = policy
    this.#shared = shared
    this.#segments = [...found.segments]
    this.#lastId = found.lastId
    this.#asideId = found.asideId
    // A salvaged file counts for nothing while the damaged one is still there.
    this.#writable = this.#segments.length > 0 && !found.doubtful
    // A new segment would begin with the cursors of the newest, too: dropping wins nothing of them.
    shared.capacity.include(policy, () => this.#droppableBytes)
    shared.accounts.include(policy, () => this.lowestHeldId)
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get #droppableBytes(): number {
    const newest = this.#segments.at(-1)
    return this.bytes - (newest ? newest.bytes - newest.grownBytes : 0)
  }

  get numbers(): number[] {
    return this.#segments.map(({ place }) => place.number)
  }

  /** Ids below this are settled. */
  get lowestHeldId(): number {
    const held = this.#shared.index.lowestId(this.numbers) ?? this.#lastId + 1
    return Math.min(held, this.#asideId)
  }

  /** Whether a segment of this row takes no more commits. */
  isSealed(number: number): boolean {
    return this.numbers.slice(0, -1).includes(number)
  }

  /** A segment of this row, made ready to be read. */
  async segment(number: number): Promise<Segment | undefined> {
    const segment = this.#segments.find(({ place }) => place.number === number)
    if (segment && segment !== this.#segments.at(-1)) await this.#open.touch(segment)
    return segment
  }

  /**
   * Room for a commit of `bytes`. A row of `drop-oldest` makes it by dropping its oldest segment,
   * ledger first; for the floor of the disk it never drops its last one, which would win nothing.
   * False when there is none.
   */
  makeRoom(bytes: number): Promise<boolean> {
    const { capacity, store } = this.#shared
    const needed = bytes * growth.part + growth.pages * store.pageSize
    return this.#turns.take(async () => {
      for (;;) {
        const short = await capacity.shortOf(this.policy, needed)
        if (!short) return true
        if (await this.#sweep({ newestToo: true })) continue
        if (this.policy === 'block' || !(await this.#dropOldest(short))) return false
      }
    })
  }

  /** Gives frames and cursors their numbers. What is not written in the end needs a new epoch. */
  number(drafts: readonly FrameDraft[], cursors: readonly Cursor[]): Commit {
    const { sequence } = this.#shared
    const version = sequence.nextVersion()
    let id = this.#lastId
    const frames = drafts.map(({ stamp, ...draft }): FrameRow => {
      id += 1
      const identity = sequence.take(draft)
      return { ...draft, ...stamp, ...identity, id, version, lane: 0 }
    })
    return { version, frames, cursors: cursors.map((one) => ({ ...one, version, through: id })) }
  }

  /** Durable when it resolves, and in the index. A rejection leaves open what happened. */
  write(commit: Commit): Promise<void> {
    return this.#turns.take(async () => {
      const segment = await this.#writableSegment()
      await segment.write(commit)
      this.#apply(segment, commit)
    })
  }

  /**
   * Finds out what became of a commit that was rejected; true: it is durable, and in the index now.
   * The segment takes no more commits. Rejects while that cannot be known.
   */
  settleDoubt(commit: Commit): Promise<boolean> {
    return this.#turns.take(async () => {
      const segment = this.#segments.at(-1)
      if (!segment) return false
      await segment.close().catch(() => undefined)
      const found = await this.#lookUp(segment, commit)
      this.#writable = false
      if (found) this.#apply(this.#segments.at(-1) ?? segment, commit)
      return found
    })
  }

  /** Unlinks what is released in full, but for the newest. */
  sweep(): Promise<boolean> {
    return this.#turns.take(() => this.#sweep({ newestToo: false }))
  }

  /** Salvages a segment that was found damaged. What is still held of it can be read again. */
  recover(number: number, cause: unknown): Promise<void> {
    return this.#turns.take(async () => {
      const damaged = this.#segments.find(({ place }) => place.number === number)
      if (damaged) await this.#recover(damaged, cause)
    })
  }

  /** Begins a new segment, with the cursors as they are now. */
  async renew(): Promise<void> {
    await this.#turns.take(() => this.#roll())
  }

  close(): Promise<void> {
    return this.#turns.take(async () => {
      for (const segment of this.#segments) await segment.close()
    })
  }

  async #lookUp(segment: Segment, commit: Commit): Promise<boolean> {
    try {
      if (!(await segment.holds(commit))) return false
      await segment.settle()
      return true
    } catch (error) {
      if (!isCorrupt(error)) throw error
      await this.#recover(segment, error)
      const salvaged = this.#segments.at(-1)
      if (await salvaged?.holds(commit)) return true
      await salvaged?.erase(commit.version)
      return false
    }
  }

  async #recover(damaged: Segment, cause: unknown): Promise<void> {
    const { sequence, accounts } = this.#shared
    sequence.renew()
    this.#open.forget(damaged)
    if (damaged === this.#segments.at(-1)) this.#writable = false
    const { segment, gone } = await recoverHeld(this.#shared, damaged.place, cause)
    this.#segments = this.#segments.map((one) => (one === damaged ? segment : one))
    await accounts.writeOff({ policy: this.policy, ...gone })
    await damaged.remove()
  }

  #apply(segment: Segment, { frames, cursors }: Commit): void {
    const { index, recent, cursors: table } = this.#shared
    for (const frame of frames) recent.put(index.add(segment.place.number, frame).key, frame)
    this.#lastId = frames.at(-1)?.id ?? this.#lastId
    table.apply(this.policy, cursors)
  }

  async #writableSegment(): Promise<Segment> {
    const newest = this.#segments.at(-1)
    if (newest && this.#writable && newest.grownBytes < this.#shared.segmentBytes) return newest
    return this.#roll()
  }

  async #roll(): Promise<Segment> {
    const { store, cursors, sequence } = this.#shared
    const before = this.#segments.at(-1)
    const number = sequence.nextSegment()
    const place = segmentPlace(store.directory, { policy: this.policy, number, generation: 0 })
    const segment = await Segment.create(store, place, cursors.of(this.policy))
    this.#segments.push(segment)
    this.#writable = true
    await this.#sweep({ newestToo: false })
    if (before && this.#segments.includes(before)) await this.#open.touch(before)
    return segment
  }

  /** Says whether it unlinked something. */
  async #sweep({ newestToo }: { newestToo: boolean }): Promise<boolean> {
    const { index, store, accounts } = this.#shared
    if (store.readOnly() || accounts.suspended) return false
    const released = (segment: Segment) => !index.holds(segment.place.number)
    const newest = this.#segments.at(-1)
    if (newestToo && newest && released(newest) && index.knows(newest.place.number)) {
      await this.#roll()
      return true
    }
    const found = this.#segments.slice(0, -1).filter(released)
    if (found.length === 0) return false
    const gone = { policy: this.policy, ids: this.#idsIn(found), losses: [] }
    await accounts.writeOff(gone).catch((error: unknown) => {
      // On a full disk room comes first. A crash before it is written down means that a source goes
      // back to what was sent.
      if (!isUnwritable(error)) throw error
      accounts.note(gone)
    })
    for (const segment of found) await this.#remove(segment)
    return true
  }

  /** For the floor of the disk the last segment is kept: to drop it would win nothing. */
  async #dropOldest(short: Shortage): Promise<boolean> {
    const { index, accounts, store } = this.#shared
    const newest = this.#segments.at(-1)
    if (this.#segments.length === 1 && newest && index.holds(newest.place.number)) {
      if (short === 'disk') return false
      await this.#roll()
    }
    const [oldest] = this.#segments
    if (!oldest || this.#segments.length === 1) return false
    const losses = [...index.heldIn(oldest.place.number)].map(([stream, records]) => ({
      stream,
      reason: 'overflow' as const,
      records
    }))
    await accounts.writeOff({ policy: this.policy, ids: this.#idsIn([oldest]), losses })
    await this.#remove(oldest)
    store.log.error({ losses }, 'the buffer is full: its oldest records were dropped')
    return true
  }

  #idsIn(segments: readonly Segment[]): SeqRange[] {
    return segments.flatMap(({ place }) => {
      const ids = this.#shared.index.idsIn(place.number)
      return ids ? [ids] : []
    })
  }

  async #remove(segment: Segment): Promise<void> {
    this.#segments = this.#segments.filter((one) => one !== segment)
    this.#open.forget(segment)
    this.#shared.index.forget(segment.place.number)
    await segment.remove().catch((error: unknown) => {
      const { path } = segment.place
      this.#shared.store.log.warn({ error, path }, 'a segment cannot be unlinked; it may come back')
    })
  }
}
