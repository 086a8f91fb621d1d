import { join } from 'node:path'
import { HeadwaterError } from '../../shared/errors.ts'
import type { SqlRow, SqlValue } from '../../shared/sqlite.ts'
import { salvage } from './salvage.ts'
import {
  createStore,
  isCorrupt,
  listStores,
  openStore,
  removeStore,
  type Sql,
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
 * The small database beside the segments, `agent.db`: loss ledger, dead letters, progress.
 * Transactions run one after the other. A damaged file is salvaged into a new generation, at open
 * and later.
 */
export class AgentStore {
  readonly #context: StoreContext
  readonly #tables: readonly StoreTable[]
  #generation: number
  #db: Sql
  readonly #turns = new Turns()

  private constructor(
    context: StoreContext,
    tables: readonly StoreTable[],
    file: { generation: number; db: Sql }
  ) {
    this.#context = context
    this.#tables = tables
    this.#generation = file.generation
    this.#db = file.db
  }

  /** Rejects with `store_too_new`, and with `store_full` when the disk takes no file. */
  static async open(context: StoreContext, tables: readonly StoreTable[]): Promise<AgentStore> {
    const generations = (await listStores(context.directory)).filter(({ base }) => base === 'agent')
    for (const { path, generation } of generations.reverse()) {
      const opened = await openStore(context, path, { check: true })
      if (opened.state === 'unborn') continue
      const store = new AgentStore(context, tables, {
        generation,
        db: opened.state === 'sound' ? opened.db : await context.open(':memory:')
      })
      if (opened.state === 'damaged') await store.#recover(opened.error)
      else await store.#takeOver()
      return store
    }
    const path = storePath(context.directory, 'agent', 0)
    const db = await createStore(context, path, { tables, fill: () => Promise.resolve() })
    const store = new AgentStore(context, tables, { generation: 0, db })
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

  async #write(work: (db: Sql) => Promise<AfterCommit | void>, lazy: boolean): Promise<void> {
    let after: AfterCommit | void = undefined
    if (lazy) await this.#db.exec('PRAGMA synchronous = NORMAL')
    try {
      await transaction(this.#db, async () => {
        after = await work(this.#db)
      })
    } finally {
      if (lazy) await this.#db.exec('PRAGMA synchronous = FULL')
    }
    runAfter(after)
  }

  async #recover(error: HeadwaterError): Promise<void> {
    const { directory, log } = this.#context
    const from = storePath(directory, 'agent', this.#generation)
    const to = storePath(directory, 'agent', this.#generation + 1)
    const { db, rows, quarantine } = await salvage(this.#context, {
      from,
      to,
      tables: this.#tables
    })
    await this.#db.close().catch(() => undefined)
    this.#db = db
    this.#generation += 1
    await this.#takeOver()
    log.error(
      { error, quarantine, rows },
      'agent.db was damaged; quarantined, and salvaged what can be read'
    )
  }

  /** Of this generation on, older ones are nothing any more. */
  async #takeOver(): Promise<void> {
    await this.#db.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`)
    for (const { base, generation, path } of await listStores(this.#context.directory)) {
      if (base === 'agent' && generation !== this.#generation) await removeStore(path)
    }
  }
}

function runAfter(after: AfterCommit | void): void {
  if (typeof after === 'function') after()
}

/** Where `agent.db` lies now, for programs that only look; undefined when there is none. */
export async function agentStorePath(directory: string): Promise<string | undefined> {
  const stores = await listStores(directory)
  return stores.findLast(({ base }) => base === 'agent')?.path ?? undefined
}
