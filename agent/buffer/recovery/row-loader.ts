import { HeadwaterError } from '../../../shared/errors.ts'
import type { WriteOff } from '../accounts.ts'
import type { OverflowPolicy } from '../buffer.ts'
import type { CursorRow } from '../cursor-row.ts'
import type { FrameIndex, SettledRun } from '../frames/frame-index.ts'
import type { Loss } from '../ledger.ts'
import { lostRecords } from './lost-records.ts'
import { idsOf } from './missing-ids.ts'
import { noProgress, type Progress } from '../progress.ts'
import { recoverSegment } from './recovery.ts'
import type { RunSummary } from '../frames/run.ts'
import { runSummaries } from './run-summaries.ts'
import { type SeqRange, SeqRanges } from '../seq-ranges.ts'
import { Segment } from '../segments/segment.ts'
import type { SegmentPlace } from '../segments/segment-files.ts'
import { listSegments } from '../segments/segment-files.ts'
import { isCorrupt, openStore, removeStore, type StoreContext } from '../store/store-file.ts'

/** A row of segments as it was found at the start. */
export interface FoundRow {
  readonly policy: OverflowPolicy
  readonly segments: readonly Segment[]
  readonly lastId: number
  /** Ids from this on may be those of a segment that cannot be read now; infinite when all can. */
  readonly asideId: number
  readonly highest: { readonly version: number; readonly segment: number }
  readonly cursors: readonly CursorRow[]
  /** Something was damaged, or taken away: `cursors` are chosen and not yet written. */
  readonly doubtful: boolean
  /** Frames that are gone, and what cannot be read again of them. */
  readonly gone: Omit<WriteOff, 'policy'>
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
 * Ids of frames have no gaps but those that are written down, so one that is missing was damaged, or
 * its file was taken away. If none is, the cursors stay as they are, and nothing is lost or doubled.
 * If one is missing, each source goes back to its newest cursor that was committed before that
 * frame, or to its newest settled one, whichever is newer; one that has neither began with what is
 * missing, and stays where it is. So nothing is lost that a source can still read and has a way back
 * to. What lies behind that cursor is read again under new numbers, and `giveUpRepeated` drops what
 * was salvaged of it. What of it was sent since progress was last saved comes twice: a source can go
 * back but not skip, and to keep the frame would not keep its records from being read again.
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
  readonly #segments: Segment[] = []
  readonly #damaged: string[] = []
  /** Ids that are there, or known to be settled or lost. */
  readonly #known: SeqRanges
  #asideId = Number.POSITIVE_INFINITY
  /** Of the frames that were loaded, or sent before. */
  #lastId: number
  #highest = { version: 0, segment: 0 }

  constructor(policy: OverflowPolicy, options: LoadOptions) {
    this.#policy = policy
    this.#options = options
    this.#known = settledIds(policy, options.progress)
    this.#lastId = options.progress.through[policy]
  }

  async add(place: SegmentPlace, newest: boolean): Promise<void> {
    const { store } = this.#options
    this.#highest.segment = Math.max(this.#highest.segment, place.number)
    try {
      const opened = await this.#open(place, newest)
      if (!opened) return
      await this.#take(opened)
      if (!newest) await opened.segment.close()
    } catch (error) {
      if (!(error instanceof HeadwaterError) || error.code === 'store_too_new') throw error
      // A disk that is full opens nothing: then all of the buffer is read from memory.
      if (error.code === 'store_full' && !store.readOnly()) throw error
      this.#asideId = Math.min(this.#asideId, this.#lastId + 1)
      store.log.error({ error, path: place.path }, 'a segment cannot be read now; it is left aside')
    }
  }

  async found(): Promise<FoundRow> {
    const newest = (await this.#segments.at(-1)?.cursors()) ?? []
    // An id that was given once is not given again, whatever became of its segment.
    const known = this.#known.ranges().at(-1)?.[1] ?? 0
    const lastId = Math.max(known, ...newest.map(({ through }) => through))
    const missing = this.#known.outside(1, lastId)
    // What is left aside may well be what is missing, and is there at the next start.
    const aside = Number.isFinite(this.#asideId) && this.#damaged.length === 0
    const doubtful = this.#damaged.length > 0 || (missing.length > 0 && !aside)
    const chosen = doubtful ? await this.#chosen(missing) : { cursors: newest, losses: [] }
    const versions = chosen.cursors.map(({ version }) => version)
    return {
      policy: this.#policy,
      segments: this.#segments,
      lastId,
      asideId: this.#asideId,
      highest: { ...this.#highest, version: Math.max(this.#highest.version, ...versions) },
      cursors: chosen.cursors,
      doubtful,
      gone: { ids: doubtful ? missing : [], losses: chosen.losses },
      damaged: this.#damaged
    }
  }

  async #take({ segment, summaries }: Loaded): Promise<void> {
    const { index, progress } = this.#options
    const settled = settledIds(this.#policy, progress)
    const isSettled = ({ firstId, lastId }: RunSummary) =>
      settled.outside(firstId, lastId).length === 0
    const runs = [...progress.runs, ...summaries.filter(isSettled).map(wholeRun)]
    index.load(segment.place.number, summaries, runs)
    const ids = await idsOf(segment, summaries)
    // With nothing saved, what lay before the first file is taken for sent.
    const [first] = ids
    const begins = first && this.#segments.length === 0 && this.#damaged.length === 0
    if (begins && progress === noProgress) this.#known.add(1, first[0])
    for (const range of ids) this.#known.add(...range)
    this.#lastId = Math.max(this.#lastId, ...summaries.map(({ lastId }) => lastId))
    const versions = summaries.map(({ lastVersion }) => lastVersion)
    this.#highest.version = Math.max(this.#highest.version, ...versions)
    this.#segments.push(segment)
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
      if (newest) await segment.weighCursors()
      return { segment, summaries }
    } catch (error) {
      await segment.close().catch(() => undefined)
      // What SQLite did not find fault with, and makes no sense to us, is damage as well.
      if (error instanceof HeadwaterError && !isCorrupt(error)) throw error
      return this.#recover(place, error)
    }
  }

  async #recover(place: SegmentPlace, cause: unknown): Promise<Loaded> {
    const segment = await recoverSegment(this.#options.store, place, cause)
    this.#damaged.push(place.path)
    return { segment, summaries: await runSummaries(segment) }
  }

  async #chosen(missing: readonly SeqRange[]): Promise<{ cursors: CursorRow[]; losses: Loss[] }> {
    const { settledCursors, progress } = this.#options
    const firstMissing = missing[0]?.[0] ?? Number.MAX_SAFE_INTEGER
    const all: CursorRow[] = []
    const before: CursorRow[] = []
    for (const segment of this.#segments) {
      all.push(...(await readableCursors(segment)))
      before.push(...(await readableCursors(segment, firstMissing)))
    }
    // Those that are passed over count, too: what follows is newer than they are.
    const versions = all.map(({ version }) => version)
    this.#highest.version = Math.max(this.#highest.version, ...versions)
    const newest = newestOf(all)
    const settled = settledCursors.filter(({ source }) => newest.has(source))
    const certain = newestOf([...before, ...settled])
    const readAgain = newest.size > 0 && [...newest.keys()].every((source) => certain.has(source))
    const losses = await lostRecords(this.#segments, { missing, progress, readAgain })
    return { cursors: [...new Map([...newest, ...certain]).values()], losses }
  }
}

/** Damage that shows only now is salvaged when the segment is read. */
async function readableCursors(segment: Segment, before?: number): Promise<CursorRow[]> {
  try {
    return await segment.cursors(before)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return []
  }
}

function settledIds(policy: OverflowPolicy, { through, gone }: Progress): SeqRanges {
  return new SeqRanges([...gone[policy], [1, through[policy]]])
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
