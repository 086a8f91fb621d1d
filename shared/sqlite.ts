import sqlite3 from 'sqlite3'
import { type ErrorCode, HeadwaterError } from './errors.ts'

export type SqlValue = string | number | Buffer | null
export type SqlRow = Readonly<Record<string, SqlValue>>

/**
 * SQLite with promises. Statements of one database run one after the other, in the order of the
 * calls, off the event loop: an fsync on a slow card blocks nobody else.
 * All errors are `HeadwaterError`: `store_full` (full, read-only, I/O), `store_corrupt`,
 * `store_locked`, else `internal`; the cause is SQLite's.
 */
export class Database {
  readonly path: string
  readonly #handle: sqlite3.Database
  readonly #statements = new Map<string, sqlite3.Statement>()

  private constructor(path: string, handle: sqlite3.Database) {
    this.path = path
    this.#handle = handle
  }

  static open(path: string, options: { readonly?: boolean } = {}): Promise<Database> {
    const mode = options.readonly
      ? sqlite3.OPEN_READONLY
      : sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE
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
    return new Promise((resolve, reject) => {
      const path = this.path
      this.#statement(sql).run(values, function (error) {
        if (error) reject(sqliteError(error, path))
        else resolve({ changes: this.changes, lastId: this.lastID })
      })
    })
  }

  /** All rows of a query; the statement is compiled once and kept until `close`. */
  all(sql: string, ...values: SqlValue[]): Promise<SqlRow[]> {
    return new Promise((resolve, reject) => {
      this.#statement(sql).all<SqlRow>(values, (error, rows) => {
        if (error) reject(sqliteError(error, this.path))
        else resolve(rows)
      })
    })
  }

  async get(sql: string, ...values: SqlValue[]): Promise<SqlRow | undefined> {
    const rows = await this.all(sql, ...values)
    return rows[0]
  }

  async close(): Promise<void> {
    for (const statement of this.#statements.values()) statement.finalize()
    this.#statements.clear()
    await new Promise<void>((resolve, reject) => {
      this.#handle.close((error) => {
        if (error) reject(sqliteError(error, this.path))
        else resolve()
      })
    })
  }

  #statement(sql: string): sqlite3.Statement {
    let statement = this.#statements.get(sql)
    if (!statement) {
      // A failed compile comes back through the first run of the statement.
      statement = this.#handle.prepare(sql, () => undefined)
      this.#statements.set(sql, statement)
    }
    return statement
  }
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

function sqliteError(error: Error, path: string): HeadwaterError {
  const code = codes[(error as NodeJS.ErrnoException).code ?? ''] ?? 'internal'
  return new HeadwaterError(code, `${path}: ${error.message}`, { cause: error })
}
