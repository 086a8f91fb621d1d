import { join } from 'node:path'
import { HeadwaterError } from './errors.ts'
import { FileLock } from './file-lock.ts'

/** For a process that is just ending. Milliseconds. */
const patienceMs = 1000

/** Keeps a second process out of a data directory. The system frees it when the process ends. */
export class DirectoryLock {
  readonly #lock: FileLock

  private constructor(lock: FileLock) {
    this.#lock = lock
  }

  /** Rejects with `store_locked`. */
  static async take(directory: string): Promise<DirectoryLock> {
    try {
      return new DirectoryLock(await FileLock.take(join(directory, 'lock.db'), patienceMs))
    } catch (cause) {
      if (!(cause instanceof HeadwaterError) || cause.code !== 'store_locked') throw cause
      throw new HeadwaterError(
        'store_locked',
        `${directory} is in use by another process; stop it or give another --data-dir`,
        { cause }
      )
    }
  }

  async release(): Promise<void> {
    await this.#lock.release()
  }
}
