import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { SqlValue } from '../../../shared/sqlite.ts'
import type { Sql } from './sql.ts'
import {
  copyStore,
  createStore,
  removeStore,
  type StoreContext,
  type StoreTable
} from './store-file.ts'
import { rechainWal } from '../../../shared/wal-scan.ts'

/** Copies of damaged files that are kept for a person to look at; the oldest is removed for a new one. */
const keptCopies = 4

/** Rows tried one by one where a damaged tree cannot be walked. */
const maxLookups = 5000

/** Of SQLite's header: https://sqlite.org/fileformat2.html#the_database_header. */
const pageCountAt = 28

export interface SalvageTask {
  /** The damaged file. It stays until the new one is complete, and may then be opened by nobody. */
  readonly from: string
  readonly to: string
  readonly tables: readonly StoreTable[]
}

export interface Salvaged {
  readonly db: Sql
  /** Rows saved, by table. */
  readonly rows: Readonly<Record<string, number>>
  readonly quarantine: string
}

/**
 * Copies a damaged file aside and writes every row that passes its own CRC into a new file.
 *
 * The copy is read with its log chained anew over the broken frames, so that commits behind the
 * break are seen, as SQLite itself reads it, and with the schema of a new file. What is intact in
 * any reading is saved, the newest state first.
 */
export async function salvage(context: StoreContext, task: SalvageTask): Promise<Salvaged> {
  const quarantine = await quarantinePath(context.directory, basename(task.from, '.db'))
  const copy = await copyStore(task.from, quarantine)
  await removeStore(task.to)
  const rows: Record<string, number> = {}
  const db = await createStore(context, task.to, {
    tables: task.tables,
    fill: async (target) => {
      const work = join(quarantine, 'work')
      for (const prepare of [chainAnew, copyStore, graftSchema]) {
        const path = await prepare(copy, work, { context, tables: task.tables })
        if (path !== undefined) await copyRows(context, { path, target, tables: task.tables, rows })
        await rm(work, { recursive: true, force: true })
      }
    }
  })
  return { db, rows, quarantine }
}

async function quarantinePath(directory: string, name: string): Promise<string> {
  const root = join(directory, 'quarantine')
  await mkdir(root, { recursive: true })
  const numbers = (await readdir(root))
    .map((entry) => [Number.parseInt(entry, 10), entry] as const)
    .filter(([number]) => Number.isInteger(number))
    .sort(([a], [b]) => a - b)
  for (const [, entry] of numbers.slice(0, Math.max(0, numbers.length - keptCopies + 1))) {
    await rm(join(root, entry), { recursive: true, force: true })
  }
  return join(root, `${(numbers.at(-1)?.[0] ?? 0) + 1}-${name}`)
}

/** With the log chained anew. Reading changes a file, so it is done on a copy of the copy. */
async function chainAnew(copy: string, work: string): Promise<string | undefined> {
  const wal = await readFile(`${copy}-wal`).catch(() => undefined)
  const chained = wal && rechainWal(wal)
  if (!chained) return undefined
  const path = await copyStore(copy, work)
  await writeFile(`${path}-wal`, chained)
  await rm(`${path}-shm`, { force: true })
  return path
}

/**
 * With the pages of the schema from a new file, where they are the same in every file of these
 * tables; without them nothing else can be found. The log is copied over first, by page numbers
 * alone.
 */
async function graftSchema(
  copy: string,
  work: string,
  { context, tables }: { context: StoreContext; tables: readonly StoreTable[] }
): Promise<string> {
  const path = await copyStore(copy, work)
  const wal = await readFile(`${path}-wal`).catch(() => undefined)
  const chained = wal && rechainWal(wal)
  await rm(`${path}-wal`, { force: true })
  await rm(`${path}-shm`, { force: true })
  const before = await readFile(path)
  const pageSize = chained?.readUInt32BE(8) ?? pageSizeOf(before) ?? context.pageSize
  const fresh = await freshFile({ ...context, pageSize }, work, tables)
  const state = chained ? applyLog(before, chained) : before
  const pages = Math.ceil(Math.max(state.length, fresh.bytes) / pageSize)
  const file = Buffer.concat([state], pages * pageSize)
  for (const [at, page] of fresh.schema) page.copy(file, at)
  file.writeUInt32BE(pages, pageCountAt)
  await writeFile(path, file)
  return path
}

/** Of a new file: its length, and the pages that hold the schema, by their offset. */
async function freshFile(
  context: StoreContext,
  work: string,
  tables: readonly StoreTable[]
): Promise<{ readonly bytes: number; readonly schema: ReadonlyMap<number, Buffer> }> {
  const none = () => Promise.resolve()
  const db = await createStore(context, join(work, 'fresh.db'), { tables, fill: none })
  const roots = (await db.all('SELECT rootpage FROM sqlite_schema')).map((row) => row['rootpage'])
  await db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const file = await readFile(db.path)
  await db.close()
  const schema = new Map<number, Buffer>()
  for (let at = 0, number = 1; at < file.length; at += context.pageSize, number++) {
    if (!roots.includes(number)) schema.set(at, file.subarray(at, at + context.pageSize))
  }
  return { bytes: file.length, schema }
}

/** Undefined when the header does not say one. */
function pageSizeOf(file: Buffer): number | undefined {
  if (file.length < 18) return undefined
  const size = file.readUInt16BE(16) === 1 ? 65_536 : file.readUInt16BE(16)
  return size >= 512 && (size & (size - 1)) === 0 ? size : undefined
}

/** A file with every page as its log has it last. `wal` is as `rechainWal` makes it. */
function applyLog(file: Buffer, wal: Buffer): Buffer {
  const pageSize = wal.readUInt32BE(8)
  const frameBytes = 24 + pageSize
  const inLog = (wal.length - 32) / frameBytes
  const most = Math.ceil(file.length / pageSize) + inLog
  let pages = Math.ceil(file.length / pageSize)
  const all = Buffer.alloc(most * pageSize)
  file.copy(all)
  for (let at = 32; at + frameBytes <= wal.length; at += frameBytes) {
    const number = wal.readUInt32BE(at)
    // A damaged number leads nowhere.
    if (number < 1 || number > most) continue
    wal.copy(all, (number - 1) * pageSize, at + 24, at + frameBytes)
    pages = Math.max(pages, number)
  }
  return all.subarray(0, pages * pageSize)
}

interface CopyOptions {
  readonly path: string
  readonly target: Sql
  readonly tables: readonly StoreTable[]
  readonly rows: Record<string, number>
}

async function copyRows(context: StoreContext, options: CopyOptions): Promise<void> {
  const { path, target, tables, rows } = options
  let source: Sql
  try {
    source = await context.open(path)
  } catch {
    return
  }
  for (const table of tables) {
    const insert = table.insert.replace('INSERT', 'INSERT OR IGNORE')
    for await (const values of intactRows(source, table)) {
      const { changes } = await target.run(insert, ...values)
      rows[table.name] = (rows[table.name] ?? 0) + changes
    }
  }
  await source.close().catch(() => undefined)
}

/**
 * From below until something is wrong, then from above until something is wrong, then what lies
 * between one by one. A damaged id would lead past all that lies behind it, so no row that fails its
 * CRC is walked over.
 */
async function* intactRows(db: Sql, table: StoreTable): AsyncGenerator<SqlValue[]> {
  const { name } = table
  let low: number | undefined
  for (;;) {
    const row = await nextRow(db, table, {
      sql: `SELECT * FROM ${name} WHERE id > ? ORDER BY id LIMIT 1`,
      id: low ?? Number.MIN_SAFE_INTEGER
    })
    if (row === 'none') return
    if (row === 'damaged') break
    low = row.id
    yield row.values
  }
  let high: number | undefined
  for (;;) {
    const row = await nextRow(db, table, {
      sql: `SELECT * FROM ${name} WHERE id < ? ORDER BY id DESC LIMIT 1`,
      id: high ?? Number.MAX_SAFE_INTEGER
    })
    if (row === 'none' || row === 'damaged') break
    if (low !== undefined && row.id <= low) return
    high = row.id
    yield row.values
  }
  if (low === undefined && high === undefined) return
  const from = low === undefined ? Number(high) - maxLookups : low + 1
  for (let id = from; id < Math.min(high ?? Infinity, from + maxLookups); id++) {
    const sql = `SELECT * FROM ${name} WHERE id = ?`
    const row = await nextRow(db, table, { sql, id })
    if (typeof row === 'object') yield row.values
  }
}

/** Damaged: SQLite fails, or the row does not pass its CRC. */
async function nextRow(
  db: Sql,
  table: StoreTable,
  { sql, id }: { sql: string; id: number }
): Promise<{ id: number; values: SqlValue[] } | 'none' | 'damaged'> {
  try {
    const row = await db.get(sql, id)
    if (!row) return 'none'
    const values = table.intact(row)
    return values ? { id: row['id'] as number, values } : 'damaged'
  } catch {
    return 'damaged'
  }
}
