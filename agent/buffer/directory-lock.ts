import { join } from 'node:path'
import { HeadwaterError } from '../../shared/errors.ts'
import type { OpenSql, Sql } from './store-file.ts'

/**
 * Keeps a second process out of the directory, by SQLite's exclusive lock on an empty database: the
 * kernel lets it go when the process ends, however it ends. Rejects with `store_locked`.
 */
export async function lockDirectory(directory: string, open: OpenSql): Promise<Sql> {
  const db = await open(join(directory, 'lock'))
  try {
    await db.exec('BEGIN EXCLUSIVE')
    return db
  } catch (cause) {
    await db.close().catch(() => undefined)
    if (!(cause instanceof HeadwaterError) || cause.code !== 'store_locked') throw cause
    throw new HeadwaterError(
      'store_locked',
      `another process uses ${directory}; stop it, or give this one a data directory of its own`,
      { cause }
    )
  }
}
