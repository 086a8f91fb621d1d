import sqlite3 from 'sqlite3'
import { type ErrorCode, HeadwaterError } from './errors.ts'

export type SqlValue = string | number | Buffer | null
export type SqlRow = Readonly<Record<string, SqlValue>>

/**
 * SQLite with promises. Statements of one database run one after the other, off the event loop: an
 * fsync on a slow card blocks nobody else. They run in the order of the calls, except that `run`
 * and `all` go before others when a call with the same text still waits: where the order matters,
 * await. (A node-sqlite3 statement empties its own queue before that of its database.)
 * All errors are `HeadwaterError`: `store_full` (full, read-only, I/O), `store_corrupt`,
 * `store_locked`, else `internal`; the cause is SQLite's.
 */
export class Database {
  readonly path: string
  readonly #handle: sqlite3.Database
  readonly #statements = new Map<string, Compiled>()

  private constructor(path: string, handle: sqlite3.Database) {
    this.path = path
    this.#handle = handle
  }

  /** Makes the file when there is none, unless it is `existing` or `readonly`. */
  static open(
    path: string,
    options: { readonly?: boolean; existing?: boolean } = {}
  ): Promise<Database> {
    const create = options.existing ? 0 : sqlite3.OPEN_CREATE
    const mode = options.readonly ? sqlite3.OPEN_READONLY : sqlite3.OPEN_READWRITE | create
    return new Promise((resolve, reject) => {
      const handle = new sqlite3.Database(path, mode, (error) => {
        if (error) reject(sqliteError(error, path))
        else resolve(new Database(path, handle))
      })
      handle.serialize()
    })
  }

  /** Runs one or more statements that take no values and give no rows. */
  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#handle.exec(sql, (error) => {
        if (error) reject(sqliteError(error, this.path))
        else resolve()
      })
    })
  }

  /** Runs a statement that is compiled once and kept until `close`. */
  run(sql: string, ...values: SqlValue[]): Promise<{ changes: number; lastId: number }> {
    return this.#call(sql, (statement, done) => {
      statement.run(values, function (error) {
        done(error, { changes: this.changes, lastId: this.lastID })
      })
    })
  }

  /** All rows of a query; the statement is compiled once and kept until `close`. */
  all(sql: string, ...values: SqlValue[]): Promise<SqlRow[]> {
    return this.#call(sql, (statement, done) => statement.all<SqlRow>(values, done))
  }

  async get(sql: string, ...values: SqlValue[]): Promise<SqlRow | undefined> {
    const rows = await this.all(sql, ...values)
    return rows[0]
  }

  async close(): Promise<void> {
    for (const { statement } of this.#statements.values()) statement.finalize()
    this.#statements.clear()
    await new Promise<void>((resolve, reject) => {
      this.#handle.close((error) => {
        if (error) reject(sqliteError(error, this.path))
        else resolve()
      })
    })
  }

  #call<T>(
    sql: string,
    start: (statement: sqlite3.Statement, done: (error: Error | null, result: T) => void) => void
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const { statement, calls } = this.#compiled(sql)
      const refuse = (error: Error) => reject(sqliteError(error, this.path))
      calls.add(refuse)
      start(statement, (error, result) => {
        calls.delete(refuse)
        if (error) refuse(error)
        else resolve(result)
      })
    })
  }

  #compiled(sql: string): Compiled {
    const known = this.#statements.get(sql)
    if (known) return known
    const calls = new Set<(error: Error) => void>()
    // sqlite3 forgets the calls of a statement that does not compile without answering them.
    const statement = this.#handle.prepare(sql, (error: Error | null) => {
      if (!error) return
      this.#statements.delete(sql)
      for (const refuse of calls) refuse(error)
    })
    const compiled = { statement, calls }
    this.#statements.set(sql, compiled)
    return compiled
  }
}

interface Compiled {
  readonly statement: sqlite3.Statement
  /** What rejects the calls that are not answered yet. */
  readonly calls: Set<(error: Error) => void>
}

const codes: Readonly<Record<string, ErrorCode>> = {
  SQLITE_FULL: 'store_full',
  SQLITE_READONLY: 'store_full',
  SQLITE_IOERR: 'store_full',
  SQLITE_CANTOPEN: 'store_full',
  SQLITE_CORRUPT: 'store_corrupt',
  SQLITE_NOTADB: 'store_corrupt',
  SQLITE_BUSY: 'store_locked',
  SQLITE_LOCKED: 'store_locked'
}

/** What SQLite's own words leave open. */
const advice: Readonly<Record<string, string>> = {
  SQLITE_READONLY: '; is it of another user, or on a medium that is mounted read-only?',
  SQLITE_CANTOPEN: '; is its directory there, and this user let into it?',
  SQLITE_IOERR: '; the medium fails, or is gone: see the log of the kernel'
}

function sqliteError(error: Error, path: string): HeadwaterError {
  const name = (error as NodeJS.ErrnoException).code ?? ''
  const message = `${path}: ${error.message}${advice[name] ?? ''}`
  return new HeadwaterError(codes[name] ?? 'internal', message, { cause: error })
}
