import type { OpenSql, Sql } from '../../../agent/buffer/store/sql.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { Database, type SqlValue } from '../../../shared/sqlite.ts'

/** What happens to a statement: it fails unheard, or it is done and reported as failed. */
export type Fault = 'fails' | 'fails-after'

/** Opens real databases whose statements fail when `fault` says so. */
export class FaultyDisk {
  /** Asked before each statement; `open` when a file is opened. */
  fault: (sql: string, path: string) => Fault | undefined = () => undefined
  /** Each statement waits for it, and `fault` is asked then. */
  before: (sql: string, path: string) => Promise<void> = () => Promise.resolve()

  readonly open: OpenSql = async (path) => {
    await this.#try('open', path, () => Promise.resolve())
    const db = await Database.open(path)
    const guarded: Sql = {
      path,
      exec: (sql) => this.#try(sql, path, () => db.exec(sql)),
      run: (sql, ...values: SqlValue[]) => this.#try(sql, path, () => db.run(sql, ...values)),
      all: (sql, ...values: SqlValue[]) => this.#try(sql, path, () => db.all(sql, ...values)),
      get: (sql, ...values: SqlValue[]) => this.#try(sql, path, () => db.get(sql, ...values)),
      close: () => db.close()
    }
    return guarded
  }

  async #try<T>(sql: string, path: string, work: () => Promise<T>): Promise<T> {
    await this.before(sql, path)
    const fault = this.fault(sql, path)
    if (fault === 'fails') throw new HeadwaterError('store_full', `${path}: SQLITE_IOERR`)
    const result = await work()
    if (fault === 'fails-after') throw new HeadwaterError('store_full', `${path}: SQLITE_IOERR`)
    return result
  }
}
