import { HeadwaterError } from './errors.ts'
import { Database } from './sqlite.ts'

export interface StoreFileOptions {
  /** Highest format version this program reads; it stands in `user_version`, 0 while unfinished. */
  readonly version: number
  readonly pageBytes: number
  /** Size of the log (`-wal`) at which SQLite moves it into the file. */
  readonly checkpointBytes: number
}

export interface StoreFile {
  readonly db: Database
  /** 0: the file's first transaction never happened. */
  readonly version: number
}

/**
 * Opens a file of a store for writing. A commit is on disk when it resolves.
 * Rejects with `store_too_new`, `store_corrupt`, `store_full`.
 */
export async function openStoreFile(path: string, options: StoreFileOptions): Promise<StoreFile> {
  const { pageBytes, checkpointBytes } = options
  const db = await Database.open(path)
  try {
    await db.exec(
      `PRAGMA busy_timeout = 5000; PRAGMA page_size = ${pageBytes};
       PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
       PRAGMA wal_autocheckpoint = ${Math.ceil(checkpointBytes / pageBytes)};
       PRAGMA temp_store = MEMORY`
    )
    return { db, version: await readVersion(db, options.version) }
  } catch (thrown) {
    await db.close().catch(() => undefined)
    throw thrown
  }
}

/** The version of an open file. Rejects with `store_too_new` above `newest`. */
export async function readVersion(db: Database, newest: number): Promise<number> {
  const row = await db.get('PRAGMA user_version')
  const version = Number(row?.['user_version'] ?? 0)
  if (version > newest) {
    throw new HeadwaterError(
      'store_too_new',
      `${db.path} has version ${version}, this program reads up to ${newest}; run a newer one`
    )
  }
  return version
}

/** Runs `work` in one transaction; when it fails, nothing of it stays. */
export async function transaction(db: Database, work: () => Promise<void>): Promise<void> {
  await db.exec('BEGIN IMMEDIATE')
  try {
    await work()
    await db.exec('COMMIT')
  } catch (thrown) {
    // SQLite has ended the transaction by itself after some errors.
    await db.exec('ROLLBACK').catch(() => undefined)
    throw thrown
  }
}
