import { Database, type SqlRow } from '../../../shared/sqlite.ts'
import { readVersion } from '../../../shared/store-file.ts'
import type { Mark } from '../engine.ts'
import { type Block, decodeMarks } from './block.ts'
import { checkCrc } from './checked-bytes.ts'
import { storeFormat } from './store-format.ts'

/** What the index of a segment says of a block, without touching it. */
export interface BlockOutline {
  readonly first: number
  readonly count: number
  readonly bytes: number
}

/** How far a shard goes within a segment. */
export interface ShardTip {
  readonly shard: number
  /** Sequence index behind the last record. */
  readonly end: number
  readonly arrivalMs: number
}

const shardBlocks = `FROM blocks WHERE shard = ?1 AND first >= (
  SELECT coalesce(max(first), 0) FROM blocks WHERE shard = ?1 AND first <= ?2)`

/** A connection that reads one segment, beside the one that may be writing it. */
export class SegmentReader {
  readonly #db: Database

  private constructor(db: Database) {
    this.#db = db
  }

  static async open(path: string): Promise<SegmentReader> {
    // Not read-only: a reader of a log that a killed process left behind must recover it.
    const db = await Database.open(path, { existing: true })
    try {
      await db.exec('PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA query_only = 1')
      await readVersion(db, storeFormat.version)
      return new SegmentReader(db)
    } catch (thrown) {
      await db.close().catch(() => undefined)
      throw thrown
    }
  }

  /** Blocks of a shard that hold records from sequence index `from` on, in order. */
  async outline(shard: number, from: number, maxBlocks: number): Promise<BlockOutline[]> {
    const rows = await this.#db.all(
      `SELECT first, count, bytes ${shardBlocks} AND first + count > ?2 ORDER BY first LIMIT ?3`,
      shard,
      from,
      maxBlocks
    )
    return rows.map((row) => ({
      first: Number(row['first']),
      count: Number(row['count']),
      bytes: Number(row['bytes'])
    }))
  }

  /** The blocks of a shard from `first` to the one that begins at `last`. */
  async blocks(shard: number, first: number, last: number): Promise<Block[]> {
    const rows = await this.#db.all(
      'SELECT * FROM blocks WHERE shard = ? AND first BETWEEN ? AND ? ORDER BY first',
      shard,
      first,
      last
    )
    return rows.map(readBlock)
  }

  /** First sequence index of a shard that arrived at or after `timeMs`. */
  async firstSince(shard: number, timeMs: number): Promise<number | undefined> {
    const row = await this.#db.get(
      'SELECT first FROM blocks WHERE shard = ? AND arrival_ms >= ? ORDER BY first LIMIT 1',
      shard,
      timeMs
    )
    return row && Number(row['first'])
  }

  /** Of the newest block; undefined without blocks. */
  async newestArrivalMs(): Promise<number | undefined> {
    const row = await this.#db.get('SELECT arrival_ms FROM blocks ORDER BY first DESC LIMIT 1')
    return row && Number(row['arrival_ms'])
  }

  async tips(): Promise<ShardTip[]> {
    const rows = await this.#db.all(
      `SELECT shard, max(first) AS first, count, arrival_ms FROM blocks GROUP BY shard`
    )
    return rows.map((row) => ({
      shard: Number(row['shard']),
      end: Number(row['first']) + Number(row['count']),
      arrivalMs: Number(row['arrival_ms'])
    }))
  }

  /** The newest blocks, newest first. */
  async newest(count: number): Promise<Block[]> {
    const rows = await this.#db.all('SELECT * FROM blocks ORDER BY first DESC LIMIT ?', count)
    return rows.map(readBlock)
  }

  /** The block at or behind `first`, whatever its shard. */
  async nextBlock(first: number): Promise<Block | undefined> {
    const row = await this.#db.get(
      'SELECT * FROM blocks WHERE first >= ? ORDER BY first LIMIT 1',
      first
    )
    return row && readBlock(row)
  }

  /** Age of the newest block, leaving out ages that cannot be: above `nowMs`. 0 without blocks. */
  async newestAgeMs(nowMs: number): Promise<number> {
    const row = await this.#db.get('SELECT max(age_ms) AS age FROM blocks WHERE age_ms <= ?', nowMs)
    return Number(row?.['age'] ?? 0)
  }

  async totals(): Promise<{ blocks: number; bytes: number; firstAgeMs: number; end: number }> {
    const row = await this.#db.get(
      `SELECT count(*) AS blocks, coalesce(sum(bytes), 0) AS bytes, min(first) AS first,
         coalesce(max(first + count), 0) AS end FROM blocks`
    )
    const oldest = await this.nextBlock(0)
    return {
      blocks: Number(row?.['blocks'] ?? 0),
      bytes: Number(row?.['bytes'] ?? 0),
      firstAgeMs: oldest?.ageMs ?? 0,
      end: Number(row?.['end'] ?? 0)
    }
  }

  /** Marks of all blocks in the order they were stored; `undefined` stands for damaged ones. */
  async *marks(): AsyncGenerator<{ shard: number; marks: readonly Mark[] | undefined }> {
    for (let from = 0; ; ) {
      const rows = await this.#db.all(
        'SELECT first, shard, marks FROM blocks WHERE first >= ? ORDER BY first LIMIT 2000',
        from
      )
      for (const row of rows) {
        from = Number(row['first']) + 1
        yield { shard: Number(row['shard']), marks: decodeMarks(bytesOf(row['marks'])) }
      }
      if (rows.length === 0) return
    }
  }

  /** Undefined when it is missing or damaged. */
  async snapshot(name: string): Promise<Buffer | undefined> {
    const row = await this.#db.get('SELECT body FROM snapshot WHERE name = ?', name)
    return checkCrc(row?.['body'])
  }

  async snapshotNames(): Promise<string[]> {
    const rows = await this.#db.all('SELECT name FROM snapshot ORDER BY name')
    return rows.map((row) => String(row['name']))
  }

  close(): Promise<void> {
    return this.#db.close()
  }
}

function readBlock(row: SqlRow): Block {
  return {
    first: Number(row['first']),
    shard: Number(row['shard']),
    count: Number(row['count']),
    arrivalMs: Number(row['arrival_ms']),
    ageMs: Number(row['age_ms']),
    crc: Number(row['crc']),
    marks: bytesOf(row['marks']),
    index: bytesOf(row['idx']),
    data: bytesOf(row['data'])
  }
}

/** An empty blob comes as a buffer without memory, for which zlib's `crc32` forgets what came before. */
function bytesOf(value: unknown): Buffer {
  return Buffer.isBuffer(value) && value.length > 0 ? value : Buffer.alloc(0)
}
