import { truncate } from 'node:fs/promises'
import type { Clock } from './clock.ts'
import { HeadwaterError } from './errors.ts'
import { Database } from './sqlite.ts'

export interface LockWait {
  readonly clock: Clock
  /** Then the wait is over. Milliseconds. */
  readonly waitMs: number
}

const retryMs = 50

/**
 * A file that one holder has at a time, in this process or another. The system frees it when the
 * process ends, in whatever way, and not before: a slow holder is never taken for a dead one. The
 * file stays, and holds nothing.
 */
export class FileLock {
  readonly #db: Database

  private constructor(db: Database) {
    this.#db = db
  }

  /** Rejects with `store_locked` when somebody else has it, within `patienceMs`, for which a thread waits. */
  static async take(path: string, patienceMs = 0): Promise<FileLock> {
    try {
      return await FileLock.#open(path, patienceMs)
    } catch (thrown) {
      if (!(thrown instanceof HeadwaterError) || thrown.code !== 'store_corrupt') throw thrown
      // The file holds nothing, so a damaged one is emptied.
      await truncate(path)
      return FileLock.#open(path, patienceMs)
    }
  }

  /** Takes it as soon as nobody else has it. Rejects with `store_locked` after `waitMs`. */
  static async wait(path: string, { clock, waitMs }: LockWait): Promise<FileLock> {
    const giveUpMs = clock.monoMs() + waitMs
    for (;;) {
      try {
        return await FileLock.take(path)
      } catch (cause) {
        if (!(cause instanceof HeadwaterError) || cause.code !== 'store_locked') throw cause
        if (clock.monoMs() >= giveUpMs) {
          const message = `other processes have held ${path} for ${waitMs / 1000} s; try again when they are done, or end them`
          throw new HeadwaterError('store_locked', message, { cause })
        }
      }
      await clock.sleep(retryMs)
    }
  }

  static async #open(path: string, patienceMs: number): Promise<FileLock> {
    const db = await Database.open(path)
    try {
      // An exclusive transaction that writes nothing: SQLite holds the lock of the system.
      await db.exec(
        `PRAGMA busy_timeout = ${patienceMs}; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE`
      )
      return new FileLock(db)
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
