import type { Cursor, OverflowPolicy } from '../buffer.ts'
import type { FrameDraft } from '../intake/frame-builder.ts'
import type { FrameRow } from '../frames/frame-row.ts'
import { recoverHeld } from '../recovery/recovery.ts'
import type { FoundRow } from '../recovery/row-loader.ts'
import type { RowShared } from './row-shared.ts'
import { LettingGo } from './letting-go.ts'
import type { Commit, Segment } from './segment.ts'
import { SegmentList } from './segment-list.ts'
import { isCorrupt } from '../store/store-file.ts'
import { Turns } from '../store/turns.ts'

/** About what SQLite adds: a part of the bytes, and pages for the schema and the tables. */
const growth = { part: 1.03, pages: 12 }

/**
 * The segments of one overflow policy, oldest first. The newest takes the commits; one that is
 * released in full is unlinked. Calls that write come one at a time.
 */
export class SegmentRow {
  readonly #shared: RowShared
  readonly #list: SegmentList
  readonly #lettingGo: LettingGo
  readonly #turns = new Turns()
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
    this.#shared = shared
    const list = new SegmentList(policy, shared, found.segments)
    this.#list = list
    this.#lettingGo = new LettingGo({ list, shared, roll: () => this.#roll() })
    this.#lastId = found.lastId
    this.#asideId = found.asideId
    // A salvaged file counts for nothing while the damaged one is still there.
    this.#writable = found.segments.length > 0 && !found.doubtful
    shared.capacity.include(policy, () => list.droppableBytes)
    shared.accounts.include(policy, () => this.lowestHeldId)
  }

  get policy(): OverflowPolicy {
    return this.#list.policy
  }

  get bytes(): number {
    return this.#list.bytes
  }

  get numbers(): number[] {
    return this.#list.numbers
  }

  /** Ids below this are settled. */
  get lowestHeldId(): number {
    const held = this.#shared.index.lowestId(this.numbers) ?? this.#lastId + 1
    return Math.min(held, this.#asideId)
  }

  /** Whether a segment of this row takes no more commits. */
  isSealed(number: number): boolean {
    return this.#list.sealed.some(({ place }) => place.number === number)
  }

  /** A segment of this row, made ready to be read. */
  async segment(number: number): Promise<Segment | undefined> {
    const segment = this.#list.withNumber(number)
    if (segment) await this.#list.touch(segment)
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
        if (await this.#lettingGo.sweepAll()) continue
        if (this.policy === 'block' || !(await this.#lettingGo.dropOldest(short))) return false
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
      const segment = this.#list.newest
      if (!segment) return false
      await segment.close().catch(() => undefined)
      const found = await this.#lookUp(segment, commit)
      this.#writable = false
      if (found) this.#apply(this.#list.newest ?? segment, commit)
      return found
    })
  }

  /** Unlinks what is released in full, but for the newest. */
  sweep(): Promise<boolean> {
    return this.#turns.take(() => this.#lettingGo.sweep())
  }

  /** Salvages a segment that was found damaged. What is still held of it can be read again. */
  recover(number: number, cause: unknown): Promise<void> {
    return this.#turns.take(async () => {
      const damaged = this.#list.withNumber(number)
      if (damaged) await this.#recover(damaged, cause)
    })
  }

  /** Begins a new segment, with the cursors as they are now. */
  async renew(): Promise<void> {
    await this.#turns.take(() => this.#roll())
  }

  close(): Promise<void> {
    return this.#turns.take(() => this.#list.close())
  }

  async #lookUp(segment: Segment, commit: Commit): Promise<boolean> {
    try {
      if (!(await segment.holds(commit))) return false
      await segment.settle()
      return true
    } catch (error) {
      if (!isCorrupt(error)) throw error
      await this.#recover(segment, error)
      const salvaged = this.#list.newest
      if (await salvaged?.holds(commit)) return true
      await salvaged?.erase(commit.version)
      return false
    }
  }

  async #recover(damaged: Segment, cause: unknown): Promise<void> {
    const { sequence, accounts } = this.#shared
    sequence.renew()
    this.#list.abandon(damaged)
    if (damaged === this.#list.newest) this.#writable = false
    const { segment, gone } = await recoverHeld(this.#shared, damaged.place, cause)
    this.#list.replace(damaged, segment)
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
    const { newest } = this.#list
    if (newest && this.#writable && newest.grownBytes < this.#shared.segmentBytes) return newest
    return this.#roll()
  }

  async #roll(): Promise<Segment> {
    const before = this.#list.newest
    const segment = await this.#list.begin()
    this.#writable = true
    await this.#lettingGo.sweep()
    if (before) await this.#list.touch(before)
    return segment
  }
}
