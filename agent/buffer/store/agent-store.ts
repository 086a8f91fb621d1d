import { HeadwaterError } from '../../../shared/errors.ts'
import type { SqlRow, SqlValue } from '../../../shared/sqlite.ts'
import { addTables } from './first-page.ts'
import { salvage } from './salvage.ts'
import type { Sql } from './sql.ts'
import {
  createStore,
  isCorrupt,
  listStores,
  openStore,
  removeStore,
  type StoreContext,
  type StoreTable,
  storePath,
  transaction
} from './store-file.ts'
import { Turns } from './turns.ts'

/** Runs when the transaction is committed, before the next one begins. */
type AfterCommit = () => void

/** Pages of log after which it is copied over. */
const checkpointPages = 256

/**
 * The small database beside the segments, `agent.db`: loss ledger, dead letters, progress, lanes.
 * Transactions run one after the other. A damaged file is salvaged into a new generation, at open
 * and later.
 */
export class AgentStore {
  readonly #context: StoreContext
  readonly #tables: readonly StoreTable[]
  #generation: number
  #db: Sql
  readonly #turns = new Turns()

  private constructor(context: StoreContext, tables: readonly StoreTable[], file: OpenFile) {
    this.#context = context
    this.#tables = tables
    this.#generation = file.generation
    this.#db = file.db
  }

  /** Rejects with `store_too_new`, and with `store_full` when the disk takes no file. */
  static async open(context: StoreContext, tables: readonly StoreTable[]): Promise<AgentStore> {
    const store = new AgentStore(context, tables, await openNewest(context, tables))
    await store.#takeOver()
    return store
  }

  all(sql: string, ...values: SqlValue[]): Promise<SqlRow[]> {
    return this.#db.all(sql, ...values)
  }

  /** One transaction. `lazy`: it may be lost in a power cut, and costs no fsync. */
  write(
    work: (db: Sql) => Promise<AfterCommit | void>,
    { lazy = false }: { lazy?: boolean } = {}
  ): Promise<void> {
    return this.#turns.take(async () => {
      try {
        await this.#write(work, lazy)
      } catch (error) {
        if (!isCorrupt(error)) throw error
        await this.#recover(error)
        await this.#write(work, lazy)
      }
    })
  }

  close(): Promise<void> {
    return this.#turns.take(() => this.#db.close())
  }

  /** Goes on with the file itself, after a copy of it in memory. */
  reopen(): Promise<void> {
    return this.#turns.take(async () => {
      const { db, generation } = await openNewest(this.#context, this.#tables)
      await this.#db.close()
      this.#db = db
      this.#generation = generation
      await this.#takeOver()
    })
  }

  async #write(work: (db: Sql) => Promise<AfterCommit | void>, lazy: boolean): Promise<void> {
    if (this.#context.readOnly()) {
      throw new HeadwaterError('store_full', `${this.#context.directory} cannot be written`)
    }
    let after: AfterCommit | void = undefined
    await this.#db.exec(`PRAGMA synchronous = ${lazy ? 'NORMAL' : 'FULL'}`)
    await transaction(this.#db, async () => {
      after = await work(this.#db)
    })
    runAfter(after)
  }

  async #recover(cause: HeadwaterError): Promise<void> {
    const { db, generation } = await recover(this.#context, this.#tables, {
      generation: this.#generation,
      cause
    })
    await this.#db.close().catch(() => undefined)
    this.#db = db
    this.#generation = generation
    await this.#takeOver()
  }

  /** Of this generation on, older ones are nothing any more. */
  async #takeOver(): Promise<void> {
    await this.#db.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`)
    if (this.#context.readOnly()) return
    for (const { base, generation, path } of await listStores(this.#context.directory)) {
      if (base === 'agent' && generation !== this.#generation) await removeStore(path)
    }
  }
}

interface OpenFile {
  readonly generation: number
  readonly db: Sql
}

async function openNewest(context: StoreContext, tables: readonly StoreTable[]): Promise<OpenFile> {
  const files = (await listStores(context.directory)).filter(({ base }) => base === 'agent')
  for (const { path, generation } of files.reverse()) {
    const opened = await openStore(context, path, { check: true })
    if (opened.state === 'sound') {
      const { db } = opened
      await transaction(db, () => addTables(db, tables))
      return { generation, db }
    }
    if (opened.state === 'damaged') {
      return recover(context, tables, { generation, cause: opened.error })
    }
  }
  const path = storePath(context.directory, 'agent', 0)
  await removeStore(path)
  const db = await createStore(context, path, { tables, fill: () => Promise.resolve() })
  return { generation: 0, db }
}

async function recover(
  context: StoreContext,
  tables: readonly StoreTable[],
  { generation, cause }: { generation: number; cause: HeadwaterError }
): Promise<OpenFile> {
  const from = storePath(context.directory, 'agent', generation)
  const to = storePath(context.directory, 'agent', generation + 1)
  const { db, rows, quarantine } = await salvage(context, { from, to, tables })
  const message = 'agent.db was damaged: quarantined, and salvaged what can be read'
  context.log.error({ error: cause, quarantine, rows }, message)
  return { generation: generation + 1, db }
}

function runAfter(after: AfterCommit | void): void {
  if (typeof after === 'function') after()
}

/** Where `agent.db` lies now, for programs that only look; undefined when there is none. */
export async function agentStorePath(directory: string): Promise<string | undefined> {
  const stores = await listStores(directory)
  return stores.findLast(({ base }) => base === 'agent')?.path ?? undefined
}
