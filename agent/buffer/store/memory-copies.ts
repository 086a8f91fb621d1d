import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { OpenSql, Sql } from './sql.ts'
import { copyStore } from './store-file.ts'

/** Where memory is a directory: Linux has one; elsewhere the place for temporary files. */
const memoryDirectories = ['/dev/shm', tmpdir()]

/**
 * Opens a copy in memory of a file on a read-only file system, where SQLite cannot read a log. The
 * copy goes when it is closed.
 */
export async function openCopy(open: OpenSql, path: string): Promise<Sql> {
  const directory = await memoryDirectory()
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    const db = await open(await copyStore(path, directory))
    return closing(db, remove)
  } catch (error) {
    await remove()
    throw error
  }
}

function closing(db: Sql, then: () => Promise<void>): Sql {
  return {
    path: db.path,
    exec: (sql) => db.exec(sql),
    run: (sql, ...values) => db.run(sql, ...values),
    all: (sql, ...values) => db.all(sql, ...values),
    get: (sql, ...values) => db.get(sql, ...values),
    close: async () => {
      await db.close()
      await then()
    }
  }
}

async function memoryDirectory(): Promise<string> {
  let cause: unknown
  for (const directory of memoryDirectories) {
    try {
      return await mkdtemp(join(directory, 'headwater-'))
    } catch (error) {
      cause = error
    }
  }
  throw new HeadwaterError('store_full', 'no place in memory to read a read-only buffer', { cause })
}
