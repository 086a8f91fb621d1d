import { HeadwaterError } from '../../../shared/errors.ts'
import type { OverflowPolicy } from '../buffer.ts'
import type { CursorRow } from '../cursor-row.ts'
import type { FrameIndex, SettledRun } from '../frames/frame-index.ts'
import type { Loss } from '../ledger.ts'
import { firstMissingId, missingRecords } from './missing-records.ts'
import type { Progress } from '../progress.ts'
import { recoverSegment } from './recovery.ts'
import type { RunSummary } from '../frames/run.ts'
import { runSummaries } from './run-summaries.ts'
import { Segment, type SegmentPlace } from '../segments/segment.ts'
import { listSegments } from '../segments/segment-files.ts'
import { isCorrupt, openStore, removeStore, type StoreContext } from '../store/store-file.ts'

/** A row of segments as it was found at the start. */
export interface FoundRow {
  readonly segments: readonly Segment[]
  readonly lastId: number
  readonly highest: { readonly version: number; readonly segment: number }
  readonly cursors: readonly CursorRow[]
  /** Something was damaged, or could not be read: `cursors` are chosen and not yet written. */
  readonly doubtful: boolean
  /** Known by the gaps they left. A source that goes back to an older cursor brings them again. */
  readonly losses: readonly Loss[]
  /** Damaged files whose salvage is complete when a new segment holds `cursors`. */
  readonly damaged: readonly string[]
}

export interface LoadOptions {
  readonly store: StoreContext
  readonly index: FrameIndex
  readonly progress: Progress
  readonly settledCursors: readonly CursorRow[]
  readonly signal: AbortSignal
}

/**
 * Opens the segments of one row. A damaged one is salvaged first.
 *
 * What holds for cursors after a damage: if every frame is there, or is known to be settled, they
 * stay as they are, and nothing is lost or doubled. If one is missing, each source goes back to its
 * newest cursor that was committed before that frame, or to its newest settled one, whichever is
 * newer; one that has neither began with what is missing, and stays where it is. So nothing is lost
 * that a source can still read and has a way back to; what lies behind that cursor and was salvaged,
 * or sent since progress was last saved, comes once more, under new identities.
 */
export async function loadRow(policy: OverflowPolicy, options: LoadOptions): Promise<FoundRow> {
  const loading = new RowLoading(policy, options)
  const places = await listSegments(options.store, policy)
  for (const place of places) {
    options.signal.throwIfAborted()
    await loading.add(place, place === places.at(-1))
  }
  return loading.found()
}

class RowLoading {
  readonly #policy: OverflowPolicy
  readonly #options: LoadOptions
  readonly #segments: { readonly segment: Segment; readonly lastId: number }[] = []
  readonly #damaged: string[] = []
  readonly #losses: Loss[] = []
  /** Position in `#segments` from which on frames may be missing. */
  #doubtful: number | undefined
  #highest = { version: 0, segment: 0 }

  constructor(policy: OverflowPolicy, options: LoadOptions) {
    this.#policy = policy
    this.#options = options
  }

  async add(place: SegmentPlace, newest: boolean): Promise<void> {
    const { index, progress, store } = this.#options
    this.#highest.segment = Math.max(this.#highest.segment, place.number)
    try {
      const opened = await this.#open(place, newest)
      if (!opened) return
      const { segment, summaries } = opened
      const { through } = progress
      index.load(place.number, summaries, [
        ...progress.runs,
        ...summaries.filter(({ lastId }) => lastId <= through[this.#policy]).map(wholeRun)
      ])
      this.#segments.push({ segment, lastId: Math.max(0, ...summaries.map((run) => run.lastId)) })
      const versions = summaries.map(({ lastVersion }) => lastVersion)
      this.#highest.version = Math.max(this.#highest.version, ...versions)
      if (!newest) await segment.close()
    } catch (error) {
      if (!(error instanceof HeadwaterError) || error.code === 'store_too_new') throw error
      // A disk that is full opens nothing: then all of the buffer is read from memory.
      if (error.code === 'store_full' && !store.readOnly()) throw error
      this.#doubtful ??= this.#segments.length
      store.log.error({ error, path: place.path }, 'a segment cannot be read now; it is left aside')
    }
  }

  async found(): Promise<FoundRow> {
    const { through } = this.#options.progress
    const cursors = await this.#cursors()
    const ids = [...this.#segments, ...cursors.map(({ through }) => ({ lastId: through }))]
    const versions = cursors.map(({ version }) => version)
    return {
      segments: this.#segments.map(({ segment }) => segment),
      lastId: Math.max(through[this.#policy], ...ids.map(({ lastId }) => lastId)),
      highest: { ...this.#highest, version: Math.max(this.#highest.version, ...versions) },
      cursors,
      doubtful: this.#doubtful !== undefined,
      losses: this.#losses,
      damaged: this.#damaged
    }
  }

  async #open(place: SegmentPlace, newest: boolean): Promise<Loaded | undefined> {
    const { store } = this.#options
    // Only the newest is written to; what else is wrong with another shows when it is read.
    const opened = await openStore(store, place.path, { check: newest })
    if (opened.state === 'unborn' && newest) {
      if (!store.readOnly()) await removeStore(place.path)
      return undefined
    }
    if (opened.state === 'unborn') return this.#recover(place, 'it holds nothing')
    if (opened.state === 'damaged') return this.#recover(place, opened.error)
    const segment = await Segment.of(store, place, opened.db)
    try {
      const summaries = await runSummaries(segment)
      if (newest) await segment.cursors()
      return { segment, summaries }
    } catch (error) {
      await segment.close().catch(() => undefined)
      if (!isCorrupt(error)) throw error
      return this.#recover(place, error)
    }
  }

  async #recover(place: SegmentPlace, cause: unknown): Promise<Loaded> {
    const segment = await recoverSegment(this.#options.store, place, cause)
    this.#damaged.push(place.path)
    this.#doubtful ??= this.#segments.length
    const summaries = await runSummaries(segment)
    const { progress } = this.#options
    const ids = this.#segments.map(({ lastId }) => lastId)
    const expected = Math.max(progress.through[this.#policy], ...ids)
    this.#losses.push(...(await missingRecords(segment, summaries, { expected, progress })))
    return { segment, summaries }
  }

  async #cursors(): Promise<CursorRow[]> {
    if (this.#doubtful === undefined) {
      return (await this.#segments.at(-1)?.segment.cursors()) ?? []
    }
    const missing = await this.#firstMissing(this.#doubtful)
    const all: CursorRow[] = []
    const certain: CursorRow[] = []
    for (const { segment } of this.#segments) {
      all.push(...(await segment.cursors()))
      certain.push(...(await segment.cursors(missing)))
    }
    const newest = newestOf(all)
    const settled = this.#options.settledCursors.filter(({ source }) => newest.has(source))
    return [...new Map([...newest, ...newestOf([...certain, ...settled])]).values()]
  }

  /** The lowest id that should be there, from that segment on, and is not. */
  async #firstMissing(from: number): Promise<number> {
    const before = this.#segments.slice(0, from).map(({ lastId }) => lastId)
    let expected = Math.max(this.#options.progress.through[this.#policy], ...before)
    for (const { segment, lastId } of this.#segments.slice(from)) {
      const missing = await firstMissingId(segment, expected)
      if (missing <= lastId) return missing
      expected = Math.max(expected, lastId)
    }
    return expected + 1
  }
}

/** A file that was unlinked can come back after a power cut. */
function wholeRun({ stream, epoch, first, last }: RunSummary): SettledRun {
  return { stream, epoch, ranges: [[first, last]] }
}

interface Loaded {
  readonly segment: Segment
  readonly summaries: readonly RunSummary[]
}

/** Of each source the one with the highest version. */
function newestOf(cursors: readonly CursorRow[]): Map<string, CursorRow> {
  const newest = new Map<string, CursorRow>()
  for (const cursor of cursors) {
    const known = newest.get(cursor.source)
    if (!known || known.version < cursor.version) newest.set(cursor.source, cursor)
  }
  return newest
}
