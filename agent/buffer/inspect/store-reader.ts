import { access } from 'node:fs/promises'
import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import { Database } from '../../../shared/sqlite.ts'
import type { Sql } from '../store/sql.ts'
import { type Opened, openStore, type StoreContext } from '../store/store-file.ts'

/** A log that is being written can look damaged; so often, and so far apart, it is looked at again. */
const again = { attempts: 4, afterMs: 50 } as const

/** How long SQLite waits for the agent when it has a file for itself. Milliseconds. */
const busyMs = 2000

/**
 * Opens store files to look at them, while the agent that owns them runs or does not. Nothing that
 * they hold is changed. SQLite may leave an empty log and its index beside a file, which the agent
 * takes away when it next closes the file.
 */
export class StoreReader {
  readonly context: StoreContext
  readonly #clock: Clock

  constructor(directory: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.context = { directory, pageSize: 0, open: openToRead, readOnly: () => true, log }
    this.#clock = clock
  }

  /**
   * Undefined for a file that was unlinked meanwhile, or never had its first commit. Rejects with
   * `store_corrupt`, `store_too_new`, and with `config` when this user may not read it.
   */
  async open(path: string): Promise<Sql | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      const opened = await this.#tryOpen(path)
      if (opened?.state === 'sound') return opened.db
      if (opened?.state !== 'damaged') return undefined
      if (attempt === again.attempts) throw opened.error
      await this.#clock.sleep(again.afterMs)
    }
  }

  async #tryOpen(path: string): Promise<Opened | undefined> {
    try {
      return await openStore(this.context, path, { check: false })
    } catch (cause) {
      if (!(await exists(path))) return undefined
      if (!(cause instanceof HeadwaterError) || cause.code !== 'store_full') throw cause
      const message = `${path} cannot be opened: run this as the user of the agent, or as root`
      throw new HeadwaterError('config', message, { cause })
    }
  }
}

async function openToRead(path: string): Promise<Database> {
  const db = await Database.open(path, { readonly: true })
  await db.exec(`PRAGMA busy_timeout = ${busyMs}`)
  return db
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false
  )
}
