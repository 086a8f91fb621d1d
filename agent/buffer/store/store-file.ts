import { copyFile, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import type { SqlRow, SqlValue } from '../../../shared/sqlite.ts'
import { scanWal } from '../../../shared/wal-scan.ts'
import { isHeaderOurs, readFirstPage, sealFirstPage, storeVersion } from './first-page.ts'
import type { OpenSql, Sql } from './sql.ts'
import { isWhole } from './whole-file.ts'

export interface StoreContext {
  readonly directory: string
  readonly pageSize: number
  readonly open: OpenSql
  /** While true nothing may be written or removed. */
  readonly readOnly: () => boolean
  readonly log: Log
}

/** A table of a store file; its primary key is always `id INTEGER`. */
export interface StoreTable {
  readonly name: string
  readonly create: string
  readonly insert: string
  /** The values of `insert` for a row that passes its own CRC, else undefined. */
  readonly intact: (row: SqlRow) => SqlValue[] | undefined
}

/** A new file. It counts from the commit of `fill` on. Rejects with `store_full` and the like. */
export async function createStore(
  { open, pageSize }: StoreContext,
  path: string,
  { tables, fill }: { tables: readonly StoreTable[]; fill: (db: Sql) => Promise<void> }
): Promise<Sql> {
  const db = await open(path)
  try {
    await db.exec(`PRAGMA page_size = ${pageSize}`)
    const mode = await db.get('PRAGMA journal_mode = WAL')
    if (mode?.['journal_mode'] !== 'wal') {
      throw new HeadwaterError(
        'store_full',
        `${path}: this file system cannot hold a write-ahead log`
      )
    }
    await configure(db)
    await transaction(db, async () => {
      for (const { create } of tables) await db.exec(create)
      await fill(db)
      await sealFirstPage(db)
    })
    return db
  } catch (error) {
    await db.close().catch(() => undefined)
    throw error
  }
}

export type Opened =
  | { readonly state: 'sound'; readonly db: Sql }
  | { readonly state: 'unborn' }
  | { readonly state: 'damaged'; readonly error: HeadwaterError }

/**
 * Opens a file after a look at its length, its raw header and its `-wal`. `check`: also has SQLite
 * check every page. Rejects with `store_too_new`, and with what the disk says.
 */
export async function openStore(
  { open }: StoreContext,
  path: string,
  { check }: { check: boolean }
): Promise<Opened> {
  if (!(await isHeaderOurs(path))) {
    return { state: 'damaged', error: corrupt(`${path} has a header that is damaged`) }
  }
  const wal = await readFile(`${path}-wal`).catch(() => undefined)
  if (wal && scanWal(wal).state === 'damaged') {
    return { state: 'damaged', error: corrupt(`${path}-wal has commits behind a broken frame`) }
  }
  if (!(await isWhole(path))) {
    return { state: 'damaged', error: corrupt(`${path} is shorter than it was`) }
  }
  let db: Sql | undefined
  try {
    db = await open(path)
    const page = await readFirstPage(db)
    if (page === 'newer') throw tooNew(path)
    if (page === 'odd') throw corrupt(`${path} has a first page that is damaged`)
    if (page === 'ours') {
      await configure(db)
      if (check) await quickCheck(db)
      return { state: 'sound', db }
    }
    await db.close()
    return { state: 'unborn' }
  } catch (error) {
    await db?.close().catch(() => undefined)
    if (isCorrupt(error)) return { state: 'damaged', error }
    // SQLite has no code of its own for a header that makes no sense.
    if (!(error instanceof HeadwaterError) || error.code !== 'internal') throw error
    return { state: 'damaged', error }
  }
}

export function isCorrupt(error: unknown): error is HeadwaterError {
  return error instanceof HeadwaterError && error.code === 'store_corrupt'
}

/** All of `work` in one transaction. A rejection can leave open whether the commit happened. */
export async function transaction(db: Sql, work: () => Promise<unknown>): Promise<void> {
  await db.exec('BEGIN IMMEDIATE')
  try {
    await work()
    await db.exec('COMMIT')
  } catch (error) {
    await db.exec('ROLLBACK').catch(() => undefined)
    throw error
  }
}

export interface StoreName {
  /** Without generation and ending. */
  readonly base: string
  /** Rises each time the file is salvaged into a new one. */
  readonly generation: number
  readonly path: string
}

export function storePath(directory: string, base: string, generation: number): string {
  return join(directory, generation === 0 ? `${base}.db` : `${base}.${generation}.db`)
}

/** The store files of a directory by name, older generations first. */
export async function listStores(directory: string): Promise<StoreName[]> {
  const stores: StoreName[] = []
  for (const name of await namesIn(directory)) {
    const [, base, generation] = /^([a-z0-9-]+)(?:\.(\d+))?\.db$/.exec(name) ?? []
    if (base === undefined) continue
    stores.push({ base, generation: Number(generation ?? 0), path: join(directory, name) })
  }
  return stores.sort((a, b) =>
    a.base === b.base ? a.generation - b.generation : a.base < b.base ? -1 : 1
  )
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

const parts = ['', '-wal', '-shm'] as const

/** The main file goes first: a log without it is nothing, it without its log is an older state. */
export async function removeStore(path: string): Promise<void> {
  for (const part of parts) await rm(`${path}${part}`, { force: true })
}

/** What a store takes on disk. Bytes. */
export interface StoreSize {
  /** The file and its log. */
  readonly content: number
  /** The index of the log, which is there while the store is open. */
  readonly index: number
}

export async function storeSize(path: string): Promise<StoreSize> {
  const [file, log, index] = await Promise.all(
    parts.map((part) =>
      stat(`${path}${part}`).then(
        ({ size }) => size,
        () => 0
      )
    )
  )
  return { content: (file ?? 0) + (log ?? 0), index: index ?? 0 }
}

/** Copies a file as it is into `directory`. */
export async function copyStore(path: string, directory: string): Promise<string> {
  await mkdir(directory, { recursive: true })
  const copy = join(directory, basename(path))
  for (const part of parts) {
    await copyFile(`${path}${part}`, `${copy}${part}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  }
  return copy
}

async function configure(db: Sql): Promise<void> {
  // A file is written once and unlinked when all is sent, so mostly its log is never copied over.
  await db.exec('PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0')
}

async function quickCheck(db: Sql): Promise<void> {
  const found = (await db.get('PRAGMA quick_check(1)'))?.['quick_check']
  if (found !== 'ok') throw corrupt(`${db.path}: ${String(found)}`)
}

function corrupt(message: string): HeadwaterError {
  return new HeadwaterError('store_corrupt', message)
}

function tooNew(path: string): HeadwaterError {
  return new HeadwaterError(
    'store_too_new',
    `${path} has a newer format, this program reads up to ${storeVersion}; run the newer program`
  )
}
