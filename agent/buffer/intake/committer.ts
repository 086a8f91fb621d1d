import { Backoff } from '../../../shared/backoff.ts'
import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Histogram } from '../../../shared/histogram.ts'
import type { Log } from '../../../shared/log.ts'
import type { Random } from '../../../shared/random.ts'
import type { Cursor } from '../buffer.ts'
import type { Compression, Part } from './chunk-parts.ts'
import { buildFrames, type FrameDraft } from './frame-builder.ts'
import type { Entry, Pending } from './pending.ts'
import type { Commit } from '../segments/segment.ts'
import type { SegmentRow } from '../segments/segment-row.ts'

export interface CommitterOptions {
  readonly row: SegmentRow
  readonly pending: Pending
  readonly frameBytes: number
  /** A commit begins when so much waits, or when something has waited for so long. */
  readonly commitBytes: number
  readonly commitAgeMs: number
  readonly compression: Compression
  /** Whether the directory can be written; else there is no use in trying. */
  readonly writable: () => Promise<boolean>
  /** What goes into the next commit besides, and must be told when it did. */
  readonly notices: () => { readonly parts: readonly Part[]; readonly done: () => void }
  /** What was numbered is not written; see `Sequence.renew`. */
  readonly renewEpoch: () => void
  /** There is something new to read. */
  readonly committed: (records: number) => void
  /** A volatile entry whose append was answered is given up. */
  readonly lost: (entry: Entry) => void
  readonly histogram: Histogram
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** One transaction takes at most so many times the bytes that begin a commit, or one append. */
const maxCommits = 4

/** How often a row that blocks looks for room by itself: other programs free disk, too. */
const roomPollMs = 1000

/**
 * Group commit for one row of segments: gathers, writes, retries.
 *
 *   disk --(no room, or a commit fails)--> memory --(a commit succeeds)--> disk
 *
 * In `memory` volatile entries are taken without a commit, into the ring; the others wait. A row
 * that blocks and is at its cap waits without a change of mode.
 */
export class Committer {
  readonly #options: CommitterOptions
  readonly #backoff: Backoff
  /** Aborted to end the wait that is going on. */
  #wait = new AbortController()
  #running: Promise<void> | undefined
  #mode: 'disk' | 'memory' = 'disk'
  #ending: 'no' | 'drain' | 'abandon' = 'no'
  /** A commit is tried again after a wait, which new entries do not cut short. */
  #retrying = false

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#backoff = new Backoff({ firstMs: 500, maxMs: 30_000, random: options.random })
  }

  get mode(): 'disk' | 'memory' {
    return this.#mode
  }

  start(): void {
    this.#running ??= this.#run()
  }

  append(entry: Entry): void {
    const { pending } = this.#options
    pending.push(entry)
    if (!this.#retrying && (pending.size === 1 || this.#isDue())) this.nudge()
  }

  /** Room may have come: ends the wait that is going on, if any. */
  nudge(): void {
    this.#wait.abort()
  }

  /** Commits what waits. When `deadline` aborts while the disk is unusable, what is left is refused. */
  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#ending === 'no') this.#ending = 'drain'
    const abandon = () => {
      this.#ending = 'abandon'
      this.nudge()
    }
    if (deadline.aborted) abandon()
    deadline.addEventListener('abort', abandon)
    this.nudge()
    await this.#running
    deadline.removeEventListener('abort', abandon)
  }

  async #run(): Promise<void> {
    const { pending } = this.#options
    for (;;) {
      await this.#due()
      const entries = pending.take(maxCommits * this.#options.commitBytes)
      if (entries.length === 0) return
      const outcome = await this.#commit(entries)
      this.#retrying = outcome !== 'done'
      if (outcome === 'done') continue
      pending.putBack(entries)
      if (this.#ending === 'abandon' || (outcome === 'blocked' && this.#ending === 'drain')) break
      await this.#pause(outcome === 'blocked' ? roomPollMs : this.#backoff.next())
    }
    this.#refuse(pending.take(Number.POSITIVE_INFINITY))
  }

  #isDue(): boolean {
    const { pending, commitBytes, commitAgeMs, clock } = this.#options
    if (this.#ending !== 'no' || pending.urgent || pending.bytes >= commitBytes) return true
    const { oldestMs } = pending
    return oldestMs !== undefined && clock.monoMs() - oldestMs >= commitAgeMs
  }

  /** Resolves when a commit shall begin, or when there is nothing left at the end. */
  async #due(): Promise<void> {
    const { pending, commitAgeMs, clock } = this.#options
    while (!this.#isDue()) {
      const { oldestMs } = pending
      await this.#pause(
        oldestMs === undefined ? undefined : oldestMs + commitAgeMs - clock.monoMs()
      )
    }
  }

  /** For ever when `ms` is undefined; a nudge ends it. */
  async #pause(ms: number | undefined): Promise<void> {
    if (this.#ending === 'abandon') return
    this.#wait = new AbortController()
    const { signal } = this.#wait
    if (ms !== undefined) return this.#options.clock.sleep(ms, signal)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  }

  async #commit(entries: readonly Entry[]): Promise<'done' | 'blocked' | 'failed'> {
    const { row, notices, histogram, clock, writable } = this.#options
    const begunMs = clock.monoMs()
    try {
      if (!(await writable())) throw new HeadwaterError('store_full', 'the directory is read-only')
      const extra = notices()
      const parts = [...extra.parts, ...entries.flatMap(({ content }) => content.parts)]
      const cursors = lastOfEach(entries.flatMap(({ content }) => content.cursors))
      if (parts.length + cursors.length > 0) {
        const drafts = await buildFrames(parts, this.#options)
        if (!(await row.makeRoom(sizeOf(drafts, cursors)))) return this.#noRoom()
        await this.#write(row.number(drafts, cursors), entries)
        extra.done()
        this.#toDisk()
        histogram.observe((clock.monoMs() - begunMs) / 1000)
      }
    } catch (error) {
      this.#toMemory(error)
      return 'failed'
    }
    for (const entry of entries) entry.take()
    this.#options.committed(entries.reduce((sum, { records }) => sum + records, 0))
    return 'done'
  }

  /** Rejects when the commit did not happen; while that cannot be known it goes on asking. */
  async #write(commit: Commit, entries: readonly Entry[]): Promise<void> {
    const { row, renewEpoch } = this.#options
    try {
      await row.write(commit)
    } catch (error) {
      renewEpoch()
      this.#toMemory(error)
      for (const entry of entries) if (entry.content.volatile) entry.take()
      if (!(await this.#becameDurable(commit, entries))) throw error
    }
  }

  async #becameDurable(commit: Commit, entries: readonly Entry[]): Promise<boolean> {
    for (;;) {
      try {
        return await this.#options.row.settleDoubt(commit)
      } catch (error) {
        if (this.#ending === 'abandon') throw error
        for (const entry of entries) entry.doubt()
        await this.#pause(this.#backoff.next())
      }
    }
  }

  #noRoom(): 'blocked' | 'failed' {
    if (this.#options.row.policy === 'block') return 'blocked'
    this.#toMemory(
      new HeadwaterError('store_full', 'the buffer is at its cap, or the disk is full')
    )
    return 'failed'
  }

  #toMemory(error: unknown): void {
    const { renewEpoch, pending, log } = this.#options
    if (this.#mode === 'memory') return
    this.#mode = 'memory'
    renewEpoch()
    pending.openRing()
    log.error({ error }, 'the disk is unusable: readings are kept in memory, all else waits')
  }

  #toDisk(): void {
    if (this.#mode === 'disk') return
    this.#mode = 'disk'
    this.#backoff.reset()
    this.#options.pending.closeRing()
    this.#options.log.warn({ policy: this.#options.row.policy }, 'the disk works again')
  }

  #refuse(entries: readonly Entry[]): void {
    const error = new HeadwaterError('store_full', 'the buffer was stopped before this was durable')
    for (const entry of entries) {
      if (entry.taken) this.#options.lost(entry)
      entry.refuse(error)
    }
  }
}

/** What a row takes besides its body, at most. Bytes. */
const rowOverheadBytes = 400

function sizeOf(drafts: readonly FrameDraft[], cursors: readonly Cursor[]): number {
  const frames = drafts.map(({ body, sources }) => body.length + sources.join().length)
  const rows = [...frames, ...cursors.map(({ position }) => position.length)]
  return rows.reduce((sum, bytes) => sum + bytes + rowOverheadBytes, 0)
}

function lastOfEach(cursors: readonly Cursor[]): Cursor[] {
  return [...new Map(cursors.map((cursor) => [cursor.source, cursor])).values()]
}
