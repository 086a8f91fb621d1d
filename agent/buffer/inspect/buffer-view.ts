import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import type { SqlRow } from '../../../shared/sqlite.ts'
import { type CursorRow, parseCursor } from '../cursor-row.ts'
import { type DeadLetter, type LetterPage, readDeadLetters } from '../dead-letters.ts'
import { type FrameRow, parseFrame } from '../frames/frame-row.ts'
import { type Loss, readLosses } from '../ledger.ts'
import { loadProgress, noProgress } from '../progress.ts'
import type { SegmentPlace } from '../segments/segment-files.ts'
import { listSegments } from '../segments/segment-files.ts'
import { agentStorePath } from '../store/agent-store.ts'
import type { Sql } from '../store/sql.ts'
import { storeSize } from '../store/store-file.ts'
import { type FrameNumbers, SettledFrames } from './settled-frames.ts'
import { StoreReader } from './store-reader.ts'

/** A stored frame that is not settled, without its body. */
export interface WaitingFrame extends FrameNumbers {
  readonly place: SegmentPlace
  /** Number of its commit. */
  readonly version: number
  /** Of its body, as stored. */
  readonly bytes: number
  /** When it was closed. */
  readonly wallMs: number
}

/** A file that cannot be read; the agent salvages it at its next start. */
interface DamagedFile {
  readonly path: string
  /** Absent: not a segment. */
  readonly place?: SegmentPlace
  readonly error: Error
}

export interface Waiting {
  /** In the order in which they were committed, so those of one stream are in order. */
  readonly frames: readonly WaitingFrame[]
  readonly segments: readonly SegmentPlace[]
  /** On disk, settled frames and cursors included. */
  readonly bytes: number
}

export interface ViewOptions {
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * The buffer of an agent, seen from another process while the agent runs or does not. What it says
 * of a running agent is about a second old: that often the agent saves how far it has come.
 */
export class BufferView {
  readonly damaged: DamagedFile[] = []
  readonly #reader: StoreReader
  #agentStore: Sql | undefined
  #open: { readonly path: string; readonly db: Sql } | undefined

  private constructor(options: ViewOptions) {
    this.#reader = new StoreReader(options.directory, options)
  }

  /**
   * Rejects with `not_found` when no agent ever had its buffer there, with `config` when this user
   * may not look, with `store_too_new`.
   */
  static async open(options: ViewOptions): Promise<BufferView> {
    const path = await agentStorePath(options.directory).catch((cause: unknown) => {
      throw closed(options.directory, cause)
    })
    if (path === undefined) {
      const message = `${options.directory} holds no buffer of an agent; give another --data-dir`
      throw new HeadwaterError('not_found', message)
    }
    const view = new BufferView(options)
    try {
      view.#agentStore = await view.#reader.open(path)
    } catch (error) {
      if (!isDamage(error)) throw error
      view.damaged.push({ path, error })
    }
    return view
  }

  async waiting(): Promise<Waiting> {
    const progress = this.#agentStore ? await loadProgress(this.#agentStore) : noProgress
    const settled = new SettledFrames(progress)
    const segments = await this.#segments()
    const frames: WaitingFrame[] = []
    let bytes = 0
    for (const place of segments) {
      const size = await storeSize(place.path)
      bytes += size.content + size.index
      const rows = (await this.#all(place, selectHeads)) ?? []
      for (const row of rows) {
        const frame = waitingFrame(place, row)
        if (!settled.has(frame)) frames.push(frame)
      }
    }
    frames.sort((a, b) => a.version - b.version || a.id - b.id)
    return { frames, segments, bytes }
  }

  /** Undefined when it was settled meanwhile. Rejects with `store_corrupt`. */
  async read({ place, id, stream }: WaitingFrame): Promise<FrameRow | undefined> {
    const db = await this.#use(place.path)
    const row = await db?.get('SELECT * FROM frames WHERE id = ?', id)
    const frame = row && parseFrame(row)
    if (frame || !row) return frame
    throw new HeadwaterError('store_corrupt', `${place.path}: frame ${id} of ${stream} is damaged`)
  }

  async losses(): Promise<Loss[]> {
    return this.#agentStore ? readLosses(this.#agentStore) : []
  }

  async deadLetters(page: LetterPage): Promise<{ id: number; letter: DeadLetter }[]> {
    return this.#agentStore ? readDeadLetters(this.#agentStore, page) : []
  }

  /** Streams that were sent newest first, in part at least. */
  async liveStreams(): Promise<string[]> {
    const hasTable = "SELECT 1 FROM sqlite_schema WHERE name = 'live'"
    const db = this.#agentStore
    const rows = (await db?.get(hasTable)) ? await db?.all('SELECT DISTINCT stream FROM live') : []
    return (rows ?? []).map((row) => String(row['stream']))
  }

  /** How far the sources have come: of each its newest cursor. */
  async cursors(): Promise<CursorRow[]> {
    const newest = new Map<string, CursorRow>()
    for (const place of await this.#segments()) {
      for (const row of (await this.#all(place, selectCursors)) ?? []) {
        const cursor = parseCursor(row)
        const known = cursor && newest.get(cursor.source)
        if (cursor && (known?.version ?? 0) <= cursor.version) newest.set(cursor.source, cursor)
      }
    }
    return [...newest.values()].filter(({ position }) => position.length > 0)
  }

  async close(): Promise<void> {
    const open = [this.#open?.db, this.#agentStore]
    this.#open = undefined
    this.#agentStore = undefined
    for (const db of open) await db?.close()
  }

  async #segments(): Promise<SegmentPlace[]> {
    const { context } = this.#reader
    return [
      ...(await listSegments(context, 'drop-oldest')),
      ...(await listSegments(context, 'block'))
    ].sort((a, b) => a.number - b.number)
  }

  /** Undefined when the file is gone, or damaged. */
  async #all(place: SegmentPlace, sql: string): Promise<SqlRow[] | undefined> {
    try {
      return await (await this.#use(place.path))?.all(sql)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#noteDamage(place, error)
      return undefined
    }
  }

  #noteDamage(place: SegmentPlace, error: Error): void {
    const { path } = place
    if (!this.damaged.some((one) => one.path === path)) this.damaged.push({ path, place, error })
  }

  /** One segment is open at a time. */
  async #use(path: string): Promise<Sql | undefined> {
    if (this.#open?.path === path) return this.#open.db
    await this.#open?.db.close()
    this.#open = undefined
    const db = await this.#reader.open(path)
    if (db) this.#open = { path, db }
    return db
  }
}

function closed(directory: string, cause: unknown): HeadwaterError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  const todo =
    code === 'EACCES'
      ? 'run this as the user of the agent, or as root'
      : 'give another --data-dir, or see to its disk'
  return new HeadwaterError('config', `${directory} cannot be read (${code}): ${todo}`, { cause })
}

const selectHeads = `SELECT id, version, stream, epoch, first, count, wall_ms,
  length(body) AS bytes FROM frames ORDER BY id`

const selectCursors = `SELECT source, position, through, crc, max(version) AS version
  FROM cursors GROUP BY source`

/** Not checked against the CRC of its row before it is read. */
function waitingFrame(place: SegmentPlace, row: SqlRow): WaitingFrame {
  const { epoch } = row
  return {
    place,
    policy: place.policy,
    id: Number(row['id']),
    version: Number(row['version']),
    stream: String(row['stream']),
    epoch: Buffer.isBuffer(epoch) ? epoch.toString('hex') : String(epoch),
    first: Number(row['first']),
    count: Number(row['count']),
    bytes: Number(row['bytes']),
    wallMs: Number(row['wall_ms'])
  }
}

/** What SQLite has no code of its own for is damage as well. */
function isDamage(error: unknown): error is HeadwaterError {
  if (!(error instanceof HeadwaterError)) return false
  return error.code === 'store_corrupt' || error.code === 'internal'
}
