import { crc32 } from 'node:zlib'
import type { SqlRow, SqlValue } from '../../shared/sqlite.ts'

/** A cursor as it lies in a segment. Every commit adds rows; the highest version counts. */
export interface CursorRow {
  readonly source: string
  /** Empty: the cursor was removed. */
  readonly position: Buffer
  /** Number of the commit that brought it. */
  readonly version: number
  /** Id of the last frame of its row of segments when it was committed. */
  readonly through: number
}

export const createCursors = `CREATE TABLE cursors (
  id INTEGER PRIMARY KEY, version INTEGER NOT NULL, source TEXT NOT NULL, position BLOB NOT NULL,
  through INTEGER NOT NULL, crc INTEGER NOT NULL)`

export const insertCursor =
  'INSERT INTO cursors (version, source, position, through, crc) VALUES (?, ?, ?, ?, ?)'

export function cursorValues(cursor: CursorRow): SqlValue[] {
  const { version, source, position, through } = cursor
  return [version, source, position, through, crcOf(cursor)]
}

/** About what SQLite adds to a cursor. */
const rowOverheadBytes = 40

/** What a cursor takes in a segment, about. */
export function cursorBytes({ source, position }: CursorRow): number {
  return source.length + position.length + rowOverheadBytes
}

/** Undefined when the row does not match its CRC. */
export function parseCursor(row: SqlRow): CursorRow | undefined {
  const { position } = row
  if (!Buffer.isBuffer(position)) return undefined
  const cursor = {
    source: String(row['source']),
    position,
    version: row['version'] as number,
    through: row['through'] as number
  }
  return crcOf(cursor) === row['crc'] ? cursor : undefined
}

function crcOf({ version, source, position, through }: CursorRow): number {
  return crc32(`${version}|${source}|${through}`, crc32(position))
}
