import { HeadwaterError } from '../../../shared/errors.ts'
import type { Database } from '../../../shared/sqlite.ts'
import { openStoreFile, transaction } from '../../../shared/store-file.ts'
import type { Block } from './block.ts'
import { withCrc } from './checked-bytes.ts'
import { Checkpoints } from './checkpoints.ts'
import { storeFormat } from './store-format.ts'

/**
 * One file of a stream: a row a block, and a snapshot of what was known when the file was begun
 * (definition, clock, marks), so that each file can be understood without those before it.
 * Small columns come first: SQLite finds them without walking over the data.
 */
const schema = `
  CREATE TABLE blocks (
    first INTEGER PRIMARY KEY, shard INTEGER NOT NULL, count INTEGER NOT NULL,
    bytes INTEGER NOT NULL, arrival_ms INTEGER NOT NULL, age_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL, marks BLOB NOT NULL, idx BLOB NOT NULL, data BLOB NOT NULL
  ) STRICT;
  CREATE INDEX blocks_by_shard ON blocks (shard, first, count, bytes, arrival_ms);
  CREATE TABLE snapshot (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
`

const columns = 'first, shard, count, bytes, arrival_ms, age_ms, crc, marks, idx, data'
const valuesOf = (rows: number) => Array(rows).fill('(?,?,?,?,?,?,?,?,?,?)').join(',')
/** Blocks to a statement at most: one statement is a transaction of its own, and compiled once. */
const mostRows = 16
/** By the number of rows less one. */
const inserts = Array.from(
  { length: mostRows },
  (_, i) => `INSERT INTO blocks (${columns}) VALUES ${valuesOf(i + 1)}`
)

/** Its log is moved beside the commits; if that lags behind, SQLite does it at four times the size. */
const fileFormat = { ...storeFormat, checkpointBytes: 4 * storeFormat.checkpointBytes }

/** Named bytes of a snapshot. */
export type SnapshotEntry = readonly [name: string, body: Buffer]

/** The connection that writes the newest segment. Calls must not overlap. */
export class SegmentWriter {
  readonly path: string
  readonly #db: Database
  readonly #checkpoints: Checkpoints

  private constructor(db: Database) {
    this.path = db.path
    this.#db = db
    this.#checkpoints = new Checkpoints(db, storeFormat.checkpointBytes)
  }

  /** A new file; it counts from the moment its first commit, the snapshot, is on disk. */
  static async create(path: string, snapshot: Iterable<SnapshotEntry>): Promise<SegmentWriter> {
    const { db } = await openStoreFile(path, fileFormat)
    try {
      await transaction(db, async () => {
        await db.exec(schema)
        for (const [name, body] of snapshot) await putSnapshot(db, name, body)
        await db.exec(`PRAGMA user_version = ${storeFormat.version}`)
      })
      return new SegmentWriter(db)
    } catch (thrown) {
      await db.close().catch(() => undefined)
      throw thrown
    }
  }

  /** Undefined for a file without its first commit. Rejects with `store_too_new`, `store_corrupt`. */
  static async open(path: string): Promise<SegmentWriter | undefined> {
    const { db, version } = await openStoreFile(path, fileFormat)
    if (version > 0) return new SegmentWriter(db)
    await db.close()
    return undefined
  }

  /** Durable when it resolves; when it rejects, all or none of the blocks may be there. */
  async append(blocks: readonly Block[]): Promise<void> {
    if (blocks.length <= mostRows) await this.#insert(blocks)
    else {
      await transaction(this.#db, async () => {
        for (let at = 0; at < blocks.length; at += mostRows) {
          await this.#insert(blocks.slice(at, at + mostRows))
        }
      })
    }
    let bytes = 0
    for (const { data, index } of blocks) bytes += data.length + index.length
    this.#checkpoints.committed(bytes)
  }

  async putSnapshot(name: string, body: Buffer): Promise<void> {
    await putSnapshot(this.#db, name, body)
  }

  /**
   * Moves all of the log into the file and syncs it, whatever an earlier sync said: pages that a
   * failed sync has lost are written again. Rejects with `unavailable` while a reader is in the way.
   */
  async settle(): Promise<void> {
    await this.#checkpoints.idle()
    const row = await this.#db.get('PRAGMA wal_checkpoint(TRUNCATE)')
    if (row?.['busy'] !== 0) {
      throw new HeadwaterError(
        'unavailable',
        `${this.path}: the log is in use and cannot be settled`
      )
    }
  }

  /** Reads the whole file and gives what SQLite has to say: `ok`, or what is wrong. */
  async check(): Promise<string> {
    const row = await this.#db.get('PRAGMA quick_check(1)')
    return String(row?.['quick_check'] ?? 'no answer')
  }

  async has(first: number): Promise<boolean> {
    return (await this.#db.get('SELECT 1 FROM blocks WHERE first = ?', first)) !== undefined
  }

  async close(): Promise<void> {
    await this.#checkpoints.idle()
    await this.#db.close()
  }

  async #insert(blocks: readonly Block[]): Promise<void> {
    const values = blocks.flatMap((block) => [
      block.first,
      block.shard,
      block.count,
      block.data.length,
      block.arrivalMs,
      block.ageMs,
      block.crc,
      block.marks,
      block.index,
      block.data
    ])
    await this.#db.run(inserts[blocks.length - 1] ?? '', ...values)
  }
}

async function putSnapshot(db: Database, name: string, body: Buffer): Promise<void> {
  await db.run('INSERT OR REPLACE INTO snapshot VALUES (?, ?)', name, withCrc(body))
}
