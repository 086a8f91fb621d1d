import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { HeadwaterError } from '../../../shared/errors.ts'
import { Database } from '../../../shared/sqlite.ts'

/** Keeps a second process out of a data directory. The system frees it when the process ends. */
export class DirectoryLock {
  readonly #db: Database

  private constructor(db: Database) {
    this.#db = db
  }

  /** Rejects with `store_locked`. */
  static async take(directory: string): Promise<DirectoryLock> {
    const path = join(directory, 'lock.db')
    try {
      return await DirectoryLock.#open(path)
    } catch (thrown) {
      if (!(thrown instanceof HeadwaterError)) throw thrown
      if (thrown.code === 'store_locked') {
        throw new HeadwaterError(
          'store_locked',
          `${directory} is in use by another process; stop it or give another --data-dir`,
          { cause: thrown }
        )
      }
      if (thrown.code !== 'store_corrupt') throw thrown
      // The file holds nothing, so a damaged one is emptied.
      await truncate(path)
      return DirectoryLock.#open(path)
    }
  }

  static async #open(path: string): Promise<DirectoryLock> {
    const db = await Database.open(path)
    try {
      // An exclusive transaction that writes nothing: SQLite holds the lock of the system.
      await db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
      return new DirectoryLock(db)
    } catch (thrown) {
      await db.close().catch(() => undefined)
      throw thrown
    }
  }

  async release(): Promise<void> {
    await this.#db.exec('ROLLBACK')
    await this.#db.close()
  }
}
