import type { Database } from '../../../shared/sqlite.ts'

/** What the buffer uses of a database, so that tests can put a failing disk beneath it. */
export type Sql = Pick<Database, 'path' | 'exec' | 'run' | 'all' | 'get' | 'close'>
export type OpenSql = (path: string) => Promise<Sql>
