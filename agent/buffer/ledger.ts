import { crc32 } from 'node:zlib'
import type { SqlRow } from '../../shared/sqlite.ts'
import type { AgentStore } from './store/agent-store.ts'
import type { Sql } from './store/sql.ts'
import type { StoreTable } from './store/store-file.ts'

/** Why records were lost. */
type LossReason =
  /** The buffer was at its cap, or the disk below its floor. */
  | 'overflow'
  /** The memory ring was full while the disk was unusable, or the agent ended meanwhile. */
  | 'ring_overflow'
  /** A store file was damaged and these could not be read any more. */
  | 'corrupt'
  /** The dead letters were at their cap. */
  | 'dead_letter_overflow'
  /** Somebody dropped dead letters. */
  | 'dead_letter_dropped'

export interface Loss {
  readonly stream: string
  readonly reason: LossReason
  readonly records: number
}

interface Entry extends Loss {
  /** Of `records`, those that were told upstream. */
  readonly reported: number
}

/** What a stream is told: how many were lost since it was told last, and in all. */
export interface LossNotice extends Loss {
  readonly total: number
}

/** A stream is told of its losses at most this often. Milliseconds. */
const noticeIntervalMs = 60_000

export const lossesTable: StoreTable = {
  name: 'losses',
  create: `CREATE TABLE losses (
    id INTEGER PRIMARY KEY, stream TEXT NOT NULL, reason TEXT NOT NULL, records INTEGER NOT NULL,
    reported INTEGER NOT NULL, crc INTEGER NOT NULL, UNIQUE (stream, reason))`,
  insert: 'INSERT INTO losses (stream, reason, records, reported, crc) VALUES (?, ?, ?, ?, ?)',
  intact: (row) => {
    const entry = parseEntry(row)
    return entry && valuesOf(entry)
  }
}

const upsert = `${lossesTable.insert} ON CONFLICT (stream, reason) DO UPDATE
  SET records = excluded.records, reported = excluded.reported, crc = excluded.crc`

/** What a store says is lost, for programs that only look. */
export async function readLosses(store: Pick<Sql, 'all'>): Promise<Entry[]> {
  const rows = await store.all('SELECT * FROM losses')
  return rows.flatMap((row) => parseEntry(row) ?? [])
}

/** What was lost, by stream and reason, since this data directory was made. */
export class Ledger {
  readonly #store: AgentStore
  readonly #entries = new Map<string, Entry>()
  /** Entries that are ahead of the disk. */
  readonly #unsaved = new Set<string>()
  readonly #noticedMs = new Map<string, number>()

  private constructor(store: AgentStore) {
    this.#store = store
  }

  static async load(store: AgentStore): Promise<Ledger> {
    const ledger = new Ledger(store)
    for (const entry of await readLosses(store)) ledger.#entries.set(keyOf(entry), entry)
    return ledger
  }

  totals(): Loss[] {
    return [...this.#entries.values()].map(({ stream, reason, records }) => ({
      stream,
      reason,
      records
    }))
  }

  /** Durable when it resolves. */
  add(losses: readonly Loss[]): Promise<void> {
    return this.#store.write((db) => this.write(db, losses))
  }

  /** Counts at once; on disk with the next `add` or `save`. */
  note(loss: Loss): void {
    this.#count(loss)
    this.#unsaved.add(keyOf(loss))
  }

  /** Within a transaction of the store; the returned function counts them when it is committed. */
  async write(db: Sql, losses: readonly Loss[]): Promise<() => void> {
    const sums = new Map<string, Entry>()
    for (const loss of losses) {
      const known = sums.get(keyOf(loss)) ?? this.#entries.get(keyOf(loss))
      sums.set(keyOf(loss), sum(known, loss))
    }
    for (const entry of sums.values()) await db.run(upsert, ...valuesOf(entry))
    return () => {
      for (const loss of losses) this.#count(loss)
    }
  }

  /** Brings to disk what is only noted; within a transaction of the store. */
  async save(db: Sql): Promise<() => void> {
    const saved = [...this.#entries].filter(([key]) => this.#unsaved.has(key))
    for (const [, entry] of saved) await db.run(upsert, ...valuesOf(entry))
    return () => {
      for (const [key, entry] of saved) {
        if (this.#entries.get(key) === entry) this.#unsaved.delete(key)
      }
    }
  }

  /** What is to be told upstream now, of the streams that `wanted` names. */
  dueNotices(wanted: (stream: string) => boolean, nowMs: number): LossNotice[] {
    return [...this.#entries.values()].flatMap((entry) => {
      const { stream, reason, records, reported } = entry
      const lastMs = this.#noticedMs.get(keyOf(entry)) ?? Number.NEGATIVE_INFINITY
      if (records === reported || nowMs - lastMs < noticeIntervalMs || !wanted(stream)) return []
      return { stream, reason, records: records - reported, total: records }
    })
  }

  /** These notices are in the buffer. */
  noticed(notices: readonly LossNotice[], nowMs: number): void {
    for (const notice of notices) {
      const key = keyOf(notice)
      const entry = this.#entries.get(key)
      if (!entry) continue
      this.#entries.set(key, { ...entry, reported: notice.total })
      this.#noticedMs.set(key, nowMs)
      this.#unsaved.add(key)
    }
  }

  get unsaved(): boolean {
    return this.#unsaved.size > 0
  }

  #count(loss: Loss): void {
    const key = keyOf(loss)
    this.#entries.set(key, sum(this.#entries.get(key), loss))
  }
}

function sum(known: Entry | undefined, { stream, reason, records }: Loss): Entry {
  const { records: before = 0, reported = 0 } = known ?? {}
  return { stream, reason, records: before + records, reported }
}

function keyOf({ stream, reason }: { stream: string; reason: string }): string {
  return `${stream}/${reason}`
}

function valuesOf(entry: Entry): [string, string, number, number, number] {
  return [entry.stream, entry.reason, entry.records, entry.reported, crcOf(entry)]
}

function parseEntry(row: SqlRow): Entry | undefined {
  const entry = {
    stream: String(row['stream']),
    reason: row['reason'] as LossReason,
    records: row['records'] as number,
    reported: row['reported'] as number
  }
  return crcOf(entry) === row['crc'] ? entry : undefined
}

function crcOf({ stream, reason, records, reported }: Entry): number {
  return crc32(`${stream}|${reason}|${records}|${reported}`)
}
