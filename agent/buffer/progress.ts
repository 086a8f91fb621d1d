import { crc32 } from 'node:zlib'
import type { SqlRow } from '../../shared/sqlite.ts'
import type { OverflowPolicy } from './buffer.ts'
import { type CursorRow, cursorValues, insertCursor, parseCursor } from './cursor-row.ts'
import type { SettledRun } from './frames/frame-index.ts'
import type { SeqRange } from './seq-ranges.ts'
import type { Sql } from './store/sql.ts'
import type { StoreTable } from './store/store-file.ts'

/** How far the sending has come. Saved now and then: to lose it means to send again. */
export interface Progress {
  /** Ids up to and including this are settled, by row of segments. */
  readonly through: Readonly<Record<OverflowPolicy, number>>
  /** Ids above `through` that are in no segment, and are settled or in the ledger. */
  readonly gone: Readonly<Record<OverflowPolicy, readonly SeqRange[]>>
  /** What is settled in the segments that are still there. */
  readonly runs: readonly SettledRun[]
}

/** Nothing was saved yet, or it was lost. */
export const noProgress: Progress = {
  through: { 'drop-oldest': 0, block: 0 },
  gone: { 'drop-oldest': [], block: [] },
  runs: []
}

export const progressTable: StoreTable = {
  name: 'progress',
  create:
    'CREATE TABLE progress (id INTEGER PRIMARY KEY, body TEXT NOT NULL, crc INTEGER NOT NULL)',
  insert: 'INSERT INTO progress (id, body, crc) VALUES (1, ?, ?)',
  intact: (row) => (parseProgress(row) ? [row['body'] ?? null, row['crc'] ?? null] : undefined)
}

/** The newest settled cursor of each source; see `CursorTable`. */
export const settledCursorsTable: StoreTable = {
  name: 'settled_cursors',
  create: `CREATE TABLE settled_cursors (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, source TEXT NOT NULL UNIQUE,
    position BLOB NOT NULL, through INTEGER NOT NULL, crc INTEGER NOT NULL)`,
  insert: insertCursor.replace('cursors', 'settled_cursors'),
  intact: (row) => {
    const cursor = parseCursor(row)
    return cursor && cursorValues(cursor)
  }
}

export async function loadProgress(store: Pick<Sql, 'all'>): Promise<Progress> {
  const [row] = await store.all('SELECT * FROM progress WHERE id = 1')
  return (row && parseProgress(row)) ?? noProgress
}

export async function loadSettledCursors(store: Pick<Sql, 'all'>): Promise<CursorRow[]> {
  const rows = await store.all('SELECT * FROM settled_cursors')
  return rows.flatMap((row) => parseCursor(row) ?? [])
}

/** Within a transaction of the store. `body`: a `Progress` in JSON. */
export async function saveProgress(
  db: Sql,
  body: string,
  settled: readonly CursorRow[]
): Promise<void> {
  await db.run(progressTable.insert.replace('INSERT', 'INSERT OR REPLACE'), body, crc32(body))
  for (const cursor of settled) {
    if (cursor.position.length === 0) {
      await db.run('DELETE FROM settled_cursors WHERE source = ?', cursor.source)
    } else {
      const replace = settledCursorsTable.insert.replace('INSERT', 'INSERT OR REPLACE')
      await db.run(replace, ...cursorValues(cursor))
    }
  }
}

function parseProgress(row: SqlRow): Progress | undefined {
  const body = String(row['body'])
  if (crc32(body) !== row['crc']) return undefined
  return JSON.parse(body) as Progress
}
