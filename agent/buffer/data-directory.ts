import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import { openCopy } from './memory-copies.ts'
import { segmentFolder } from './segment-files.ts'
import type { OpenSql, Sql } from './store-file.ts'

/**
 * The directory of the buffer: kept from other processes, and read from copies in memory while
 * nothing can be written to it.
 */
export class DataDirectory {
  readonly path: string
  readonly #openSql: OpenSql
  readonly #log: Log
  #lock: Sql | undefined

  constructor(path: string, openSql: OpenSql, log: Log) {
    this.path = path
    this.#openSql = openSql
    this.#log = log
  }

  /** It could not be locked, because nothing can be written to it. */
  get readOnly(): boolean {
    return this.#lock === undefined
  }

  /** Rejects with `store_locked` when another process has it. */
  async acquire(): Promise<void> {
    try {
      this.#lock = await this.#tryLock()
    } catch (error) {
      if (!(error instanceof HeadwaterError) || error.code !== 'store_full') throw error
      const message = 'the data directory cannot be written: what it holds is read from memory'
      this.#log.error({ error, directory: this.path }, message)
    }
  }

  /** Whether it can be written by now. */
  async retry(): Promise<boolean> {
    if (!this.readOnly) return true
    try {
      this.#lock = await this.#tryLock()
      return true
    } catch {
      return false
    }
  }

  open(path: string): Promise<Sql> {
    return this.readOnly ? openCopy(this.#openSql, path) : this.#openSql(path)
  }

  async release(): Promise<void> {
    await this.#lock?.close()
  }

  /**
   * SQLite's exclusive lock on an empty database: the kernel lets it go when the process ends,
   * however it ends.
   */
  async #tryLock(): Promise<Sql> {
    await mkdir(join(this.path, segmentFolder), { recursive: true }).catch((cause: unknown) => {
      throw asHeadwaterError(cause, 'store_full')
    })
    const db = await this.#openSql(join(this.path, 'lock'))
    try {
      await db.exec('BEGIN EXCLUSIVE')
      return db
    } catch (cause) {
      await db.close().catch(() => undefined)
      if (!(cause instanceof HeadwaterError) || cause.code !== 'store_locked') throw cause
      throw new HeadwaterError(
        'store_locked',
        `another process uses ${this.path}; stop it, or give this one a directory of its own`,
        { cause }
      )
    }
  }
}
