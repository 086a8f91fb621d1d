import { HeadwaterError } from '../../../shared/errors.ts'
import {
  type CursorRow,
  cursorBytes,
  cursorValues,
  insertCursor,
  parseCursor
} from '../cursor-row.ts'
import { type FrameRow, frameValues, insertFrame, parseFrame } from '../frames/frame-row.ts'
import type { Sql } from '../store/sql.ts'
import {
  createStore,
  openStore,
  removeStore,
  type StoreContext,
  type StoreSize,
  storeSize,
  transaction
} from '../store/store-file.ts'
import type { SqlRow } from '../../../shared/sqlite.ts'
import { sealAnew } from '../store/first-page.ts'
import { segmentTables } from './segment-tables.ts'
import type { SegmentPlace } from './segment-files.ts'
import { isUnwritable } from '../store/data-directory.ts'
import { isWhole } from '../store/whole-file.ts'

/** One transaction. */
export interface Commit {
  readonly version: number
  readonly frames: readonly FrameRow[]
  readonly cursors: readonly CursorRow[]
}

/** Frames of one stream and epoch with ids from `fromId` to `toId`. */
export interface FrameQuery {
  readonly stream: string
  readonly epoch: string
  readonly fromId: number
  readonly toId: number
  /** Frames that begin before it are left out. */
  readonly fromSeq: number
  readonly maxBytes: number
}

/** Read at a time, however small they are. */
const maxRows = 256

/** One SQLite file of frames and cursors. Closed by itself when unused; opens again when asked. */
export class Segment {
  readonly place: SegmentPlace
  readonly #context: StoreContext
  #db: Promise<Sql> | undefined
  #uses = 0
  #size: StoreSize = { content: 0, index: 0 }
  /** What the cursors that it began with take of it. */
  #bornBytes = 0
  #removed = false
  /** Its version is known to be that of this program. */
  #sealed = false

  private constructor(context: StoreContext, place: SegmentPlace, db: Sql | undefined) {
    this.#context = context
    this.place = place
    this.#db = db && Promise.resolve(db)
  }

  /** A new file that holds `cursors` from its first commit on. */
  static async create(
    context: StoreContext,
    place: SegmentPlace,
    cursors: readonly CursorRow[]
  ): Promise<Segment> {
    await removeStore(place.path)
    const db = await createStore(context, place.path, {
      tables: segmentTables,
      fill: async (target) => {
        for (const cursor of cursors) await target.run(insertCursor, ...cursorValues(cursor))
      }
    }).catch(async (error: unknown) => {
      await removeStore(place.path).catch(() => undefined)
      throw error
    })
    const segment = await Segment.of(context, place, db)
    if (cursors.length > 0) segment.#bornBytes = segment.#size.content
    return segment
  }

  static async of(context: StoreContext, place: SegmentPlace, db?: Sql): Promise<Segment> {
    const segment = new Segment(context, place, db)
    await segment.measure()
    return segment
  }

  /** On disk, as of the last commit, opening or closing. */
  get bytes(): number {
    return this.#size.content + this.#size.index
  }

  /** What the cursors that it began with take of `bytes`: a new one would begin with them, too. */
  get bornBytes(): number {
    return Math.min(this.#size.content, this.#bornBytes)
  }

  /** What was written to it since. */
  get grownBytes(): number {
    return this.#size.content - this.bornBytes
  }

  get idle(): boolean {
    return this.#uses === 0
  }

  async measure(): Promise<void> {
    this.#size = await storeSize(this.place.path)
  }

  /** Runs `work` on the open database; it stays open meanwhile. */
  async use<T>(work: (db: Sql) => Promise<T>): Promise<T> {
    this.#uses += 1
    try {
      this.#db ??= this.#open()
      const opening = this.#db
      const db = await opening.catch((error: unknown) => {
        if (this.#db === opening) this.#db = undefined
        throw error
      })
      return await work(db)
    } catch (error) {
      // Where a file ends too early, SQLite says that the disk failed.
      if (!isUnwritable(error) || (await isWhole(this.place.path))) throw error
      const message = `${this.place.path} is shorter than it was`
      throw new HeadwaterError('store_corrupt', message, { cause: error })
    } finally {
      this.#uses -= 1
    }
  }

  /** One transaction, fsynced. A rejection leaves open whether it happened. */
  write({ frames, cursors }: Commit): Promise<void> {
    return this.use(async (db) => {
      await transaction(db, async () => {
        if (!this.#sealed) await sealAnew(db)
        await Promise.all([
          ...frames.map((frame) => db.run(insertFrame, ...frameValues(frame))),
          ...cursors.map((cursor) => db.run(insertCursor, ...cursorValues(cursor)))
        ])
      })
      this.#sealed = true
      await this.measure()
    })
  }

  /** Rows of one stream and epoch, up to `maxBytes` of bodies, at least one if there is one. */
  frames(query: FrameQuery): Promise<SqlRow[]> {
    const { stream, epoch, fromId, toId, fromSeq, maxBytes } = query
    const where = 'WHERE id BETWEEN ? AND ? AND stream = ? AND epoch = ? AND first >= ? ORDER BY id'
    const blob = Buffer.from(epoch, 'hex')
    return this.use(async (db) => {
      // The length of a body is known without reading its pages.
      const sql = `SELECT id, length(body) AS bytes FROM frames ${where} LIMIT ${maxRows}`
      const sizes = await db.all(sql, fromId, toId, stream, blob, fromSeq)
      let bytes = 0
      const over = sizes.findIndex((row) => (bytes += row['bytes'] as number) > maxBytes)
      const last = sizes[over === -1 ? sizes.length - 1 : Math.max(0, over - 1)]
      if (!last) return []
      const values = [fromId, last['id'] ?? 0, stream, blob, fromSeq]
      return db.all(`SELECT * FROM frames ${where}`, ...values)
    })
  }

  /** Whether all of a commit is there, whole. */
  holds({ version, frames, cursors }: Commit): Promise<boolean> {
    return this.use(async (db) => {
      const found = await db.all('SELECT * FROM frames WHERE version = ?', version)
      if (found.filter(parseFrame).length !== frames.length) return false
      const moved = await db.all('SELECT * FROM cursors WHERE version = ?', version)
      return moved.filter(parseCursor).length === cursors.length
    })
  }

  /** Takes out what is left of a commit that is not there as a whole. */
  erase(version: number): Promise<void> {
    return this.use((db) =>
      transaction(db, async () => {
        await db.run('DELETE FROM frames WHERE version = ?', version)
        await db.run('DELETE FROM cursors WHERE version = ?', version)
      })
    )
  }

  /** Of each source the newest cursor that was committed before frame `before` was. */
  cursors(before = Number.MAX_SAFE_INTEGER): Promise<CursorRow[]> {
    return this.use(async (db) => {
      const rows = await db.all(
        `SELECT source, position, through, crc, max(version) AS version FROM cursors
         WHERE through < ? GROUP BY source`,
        before
      )
      return rows.map((row) => {
        const cursor = parseCursor(row)
        if (cursor) return cursor
        throw new HeadwaterError('store_corrupt', `${this.place.path}: a cursor is damaged`)
      })
    })
  }

  /** For one that was there at the start: takes what its cursors are now for what it began with. */
  async weighCursors(): Promise<void> {
    const cursors = await this.cursors()
    this.#bornBytes = cursors.reduce((sum, cursor) => sum + cursorBytes(cursor), 0)
  }

  /** Copies the log into the file and fsyncs both. */
  settle(): Promise<void> {
    return this.use(async (db) => {
      const row = await db.get('PRAGMA wal_checkpoint(TRUNCATE)')
      if (row?.['busy'] === 0) return
      throw new HeadwaterError('store_full', `${this.place.path}: the log cannot be copied over`)
    })
  }

  /** Lets go of the file; the next use opens it again. SQLite copies the log over now. */
  async close(): Promise<void> {
    const db = this.#db
    this.#db = undefined
    await (await db)?.close()
    await this.measure()
  }

  /** Unlinked before it is closed, so that SQLite does not copy a log that nobody needs. */
  async remove(): Promise<void> {
    this.#removed = true
    await removeStore(this.place.path)
    await this.close()
  }

  async #open(): Promise<Sql> {
    if (this.#removed) throw new HeadwaterError('not_found', `${this.place.path} is gone`)
    const opened = await openStore(this.#context, this.place.path, { check: false })
    if (opened.state === 'sound') {
      await this.measure()
      return opened.db
    }
    if (opened.state === 'damaged') throw opened.error
    throw new HeadwaterError('store_corrupt', `${this.place.path} holds nothing`)
  }
}
