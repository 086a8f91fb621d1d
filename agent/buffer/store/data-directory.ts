import { mkdir, stat, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import { openCopy } from './memory-copies.ts'
import { segmentFolder } from '../segments/segment-files.ts'
import type { OpenSql, Sql } from './sql.ts'
import { isCorrupt } from './store-file.ts'

/**
 * The directory of the buffer: kept from other processes, and read from copies in memory while
 * nothing can be written to it.
 */
export class DataDirectory {
  readonly path: string
  readonly #openSql: OpenSql
  readonly #log: Log
  #lock: Sql | undefined
  #readOnly = true
  #suspended = false

  constructor(path: string, openSql: OpenSql, log: Log) {
    this.path = path
    this.#openSql = openSql
    this.#log = log
  }

  /** Nothing can be written to it now. */
  get readOnly(): boolean {
    return this.#readOnly
  }

  /** Rejects with `store_locked` when another process has it, with `config` when nobody may have it. */
  async acquire(): Promise<void> {
    try {
      this.#lock ??= await this.#tryLock()
      this.#readOnly = false
    } catch (error) {
      if (!isUnwritable(error)) throw error
      this.suspend(error)
    }
  }

  /** From now on nothing is written, until `retry` says that it can be. */
  suspend(error: unknown): void {
    const message = 'the data directory cannot be written: what it holds is read from memory'
    if (!this.#suspended) this.#log.error({ error, directory: this.path }, message)
    this.#suspended = true
    this.#readOnly = true
  }

  /** Whether it may be writable by now; `reopen` finds out, and its failure suspends it again. */
  async retry(reopen: () => Promise<void>): Promise<boolean> {
    if (!this.#readOnly) return true
    try {
      this.#lock ??= await this.#tryLock()
      this.#readOnly = false
      await reopen()
      this.#suspended = false
      return true
    } catch (error) {
      this.suspend(error)
      return false
    }
  }

  open(path: string): Promise<Sql> {
    return this.readOnly ? openCopy(this.#openSql, path) : this.#openSql(path)
  }

  async release(): Promise<void> {
    await this.#lock?.close()
  }

  async #tryLock(): Promise<Sql> {
    await makeDirectory(join(this.path, segmentFolder))
    const file = join(this.path, 'lock')
    try {
      return await this.#lockFile(file)
    } catch (error) {
      if (!isCorrupt(error)) throw error
      // It holds nothing, so a damaged one is emptied.
      await truncate(file)
      return this.#lockFile(file)
    }
  }

  /**
   * SQLite's exclusive lock on an empty database: the kernel lets it go when the process ends,
   * however it ends.
   */
  async #lockFile(file: string): Promise<Sql> {
    const db = await this.#openSql(file)
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

/** What a file system says that is full, read-only or broken; anything else is a wrong path. */
const unwritable = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])

async function makeDirectory(path: string): Promise<void> {
  try {
    await makeLevels(path)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (unwritable.has(code)) throw new HeadwaterError('store_full', `${path}: ${code}`, { cause })
    const message = `the data directory ${path} cannot be made (${code}); choose another: --data-dir`
    throw new HeadwaterError('config', message, { cause })
  }
}

/** Level by level: Node's recursive `mkdir` (20.20) never comes back from a path below `/proc`. */
async function makeLevels(path: string): Promise<void> {
  if (await isDirectory(path)) return
  await makeLevels(dirname(path))
  await mkdir(path)
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

export function isUnwritable(error: unknown): boolean {
  return error instanceof HeadwaterError && error.code === 'store_full'
}
