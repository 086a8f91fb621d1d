import { HeadwaterError } from '../../../shared/errors.ts'
import { Database } from '../../../shared/sqlite.ts'

/** Version of every file of the engine. It stands in `user_version`; 0 is a file never finished. */
export const storeVersion = 1

/**
 * Opens a file of the engine for writing. A commit is on disk when it resolves.
 * Rejects with `store_too_new`, `store_corrupt`, `store_full`.
 */
export async function openStoreFile(path: string): Promise<{ db: Database; version: number }> {
  const db = await Database.open(path)
  try {
    await db.exec(
      `PRAGMA busy_timeout = 5000; PRAGMA page_size = ${pageBytes};
       PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
       PRAGMA wal_autocheckpoint = ${checkpointBytes / pageBytes}; PRAGMA temp_store = MEMORY`
    )
    return { db, version: await readVersion(db) }
  } catch (thrown) {
    await db.close().catch(() => undefined)
    throw thrown
  }
}

const pageBytes = 8192
const checkpointBytes = 8 * 1024 * 1024

export async function readVersion(db: Database): Promise<number> {
  const row = await db.get('PRAGMA user_version')
  const version = Number(row?.['user_version'] ?? 0)
  if (version > storeVersion) {
    throw new HeadwaterError(
      'store_too_new',
      `${db.path} has version ${version}, this program reads up to ${storeVersion}; run a newer one`
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
