import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { SqlRow } from '../../shared/sqlite.ts'
import {
  copyStore,
  createStore,
  removeStore,
  type Sql,
  type StoreContext,
  type StoreTable
} from './store-file.ts'
import { rechainWal } from './wal-scan.ts'

/** Copies of damaged files that are kept for a person to look at; the oldest is removed for a new one. */
const keptCopies = 4

/** Rows tried one by one where a damaged tree cannot be walked. */
const maxLookups = 20_000

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
 * break are seen, and as SQLite itself reads it; when neither gives anything, with the first page of
 * a new file. What is intact in any reading is saved, the newest state first.
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
      for (const prepare of [chainAnew, copyStore, graftFirstPage]) {
        const saved = Object.values(rows).some((count) => count > 0)
        if (prepare === graftFirstPage && saved) continue
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
 * With the first page of a new file. It holds SQLite's header and the schema, both of which are the
 * same in every file of these tables; without it nothing else can be found.
 */
async function graftFirstPage(
  copy: string,
  work: string,
  { context, tables }: { context: StoreContext; tables: readonly StoreTable[] }
): Promise<string> {
  const path = (await chainAnew(copy, work)) ?? (await copyStore(copy, work))
  const fresh = join(work, 'fresh.db')
  const db = await createStore(context, fresh, { tables, fill: () => Promise.resolve() })
  await db.close()
  const page = (await readFile(fresh)).subarray(0, context.pageSize)
  const file = await readFile(path)
  page.writeUInt32BE(Math.floor(file.length / context.pageSize), pageCountAt)
  page.copy(file)
  await writeFile(path, file)
  return path
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
  for (const { name, insert, intact } of tables) {
    for await (const row of readableRows(source, name)) {
      const values = intact(row)
      if (!values) continue
      const { changes } = await target.run(insert.replace('INSERT', 'INSERT OR IGNORE'), ...values)
      rows[name] = (rows[name] ?? 0) + changes
    }
  }
  await source.close().catch(() => undefined)
}

/** From below until SQLite fails, from above until it fails, and what lies between one by one. */
async function* readableRows(db: Sql, table: string): AsyncGenerator<SqlRow> {
  const up = `SELECT * FROM ${table} WHERE id > ? ORDER BY id LIMIT 1`
  const down = `SELECT * FROM ${table} WHERE id < ? ORDER BY id DESC LIMIT 1`
  let low = Number.MIN_SAFE_INTEGER
  for (;;) {
    const row = await tryGet(db, up, low)
    if (row === 'none') return
    if (row === 'failed' || (row['id'] as number) <= low) break
    low = row['id'] as number
    yield row
  }
  let high = Number.MAX_SAFE_INTEGER
  for (;;) {
    const row = await tryGet(db, down, high)
    if (row === 'none' || row === 'failed' || (row['id'] as number) >= high) break
    if ((row['id'] as number) <= low) return
    high = row['id'] as number
    yield row
  }
  if (low === Number.MIN_SAFE_INTEGER) {
    if (high === Number.MAX_SAFE_INTEGER) return
    low = high - maxLookups
  }
  for (let id = low + 1; id < Math.min(high, low + maxLookups); id++) {
    const row = await tryGet(db, `SELECT * FROM ${table} WHERE id = ?`, id)
    if (row !== 'none' && row !== 'failed') yield row
  }
}

async function tryGet(db: Sql, sql: string, id: number): Promise<SqlRow | 'none' | 'failed'> {
  try {
    return (await db.get(sql, id)) ?? 'none'
  } catch {
    return 'failed'
  }
}
