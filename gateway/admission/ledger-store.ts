import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HeadwaterError } from '../../shared/errors.ts'
import { Database, type SqlRow } from '../../shared/sqlite.ts'
import { openStoreFile, readVersion, transaction } from '../../shared/store-file.ts'
import type { DeviceLedger } from './admission.ts'

/** What is to be added to the account of one device. */
export interface LedgerEntry {
  readonly device: string
  received: number
  stored: number
  repeated: number
  bytes: number
  readonly rejected: Record<string, number>
  readonly turnedAway: Record<string, number>
  readonly firstMs: number
  lastMs: number
}

const fileName = 'ledger.db'
const version = 1
const pageBytes = 4096
const checkpointBytes = 1024 * 1024

const schema = `
CREATE TABLE accounts (
  device TEXT PRIMARY KEY, received INTEGER NOT NULL, stored INTEGER NOT NULL,
  repeated INTEGER NOT NULL, bytes INTEGER NOT NULL, first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL, gaps INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE reasons (
  device TEXT, kind TEXT, code TEXT, records INTEGER NOT NULL, PRIMARY KEY (device, kind, code)
) WITHOUT ROWID;
CREATE INDEX accounts_by_age ON accounts (last_ms);
CREATE TABLE running (since_ms INTEGER NOT NULL);
PRAGMA user_version = ${version};`

const addAccounts = `
INSERT INTO accounts (device, received, stored, repeated, bytes, first_ms, last_ms)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
FROM json_each(?) WHERE true
ON CONFLICT (device) DO UPDATE SET received = received + excluded.received,
  stored = stored + excluded.stored, repeated = repeated + excluded.repeated,
  bytes = bytes + excluded.bytes, last_ms = max(last_ms, excluded.last_ms)`

const addReasons = `
INSERT INTO reasons (device, kind, code, records)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?) WHERE true
ON CONFLICT (device, kind, code) DO UPDATE SET records = records + excluded.records`

const forgetOldest = `
DELETE FROM accounts WHERE device IN (SELECT device FROM accounts ORDER BY last_ms LIMIT ?)`

/** The accounts of all devices, in `<dataDir>/ledger.db`. */
export class LedgerStore {
  readonly #db: Database

  private constructor(db: Database) {
    this.#db = db
  }

  /**
   * For the one process that writes. When the one before did not close it, every account gets a gap.
   * Rejects with `store_too_new`, `store_corrupt`, `store_full`.
   */
  static async open(dataDir: string, nowMs: number): Promise<LedgerStore> {
    const path = join(dataDir, fileName)
    await mkdir(dirname(path), { recursive: true })
    const { db, version: found } = await openStoreFile(path, {
      version,
      pageBytes,
      checkpointBytes
    })
    try {
      // A power failure may take the last seconds of the accounts: no reason to wait for the disk.
      await db.exec('PRAGMA synchronous = NORMAL')
      await requireSound(db)
      await transaction(db, async () => {
        if (found === 0) await db.exec(schema)
        await db.run('UPDATE accounts SET gaps = gaps + 1 WHERE EXISTS (SELECT 1 FROM running)')
        await db.exec('DELETE FROM running')
        await db.run('INSERT INTO running (since_ms) VALUES (?)', nowMs)
      })
      return new LedgerStore(db)
    } catch (thrown) {
      await db.close().catch(() => undefined)
      throw thrown
    }
  }

  /** Moves a damaged file out of the way; resolves with where it is. */
  static async setAside(dataDir: string, nowMs: number): Promise<string> {
    const path = join(dataDir, fileName)
    const aside = `${path}.damaged-${nowMs}`
    await rename(path, aside)
    for (const part of ['-wal', '-shm']) await rm(`${path}${part}`, { force: true })
    return aside
  }

  /** For a look from another process. Rejects as `open` does, and when there is no file. */
  static async look(dataDir: string): Promise<LedgerStore> {
    const db = await Database.open(join(dataDir, fileName), { readonly: true })
    await readVersion(db, version)
    return new LedgerStore(db)
  }

  /** Adds all or nothing. */
  async add(entries: readonly LedgerEntry[]): Promise<void> {
    const accounts = entries.map((one) => [
      ...[one.device, one.received, one.stored, one.repeated, one.bytes],
      ...[one.firstMs, one.lastMs]
    ])
    const reasons = entries.flatMap(({ device, rejected, turnedAway }) => [
      ...Object.entries(rejected).map(([code, count]) => [device, 'rejected', code, count]),
      ...Object.entries(turnedAway).map(([code, count]) => [device, 'turned away', code, count])
    ])
    await transaction(this.#db, async () => {
      await this.#db.run(addAccounts, JSON.stringify(accounts))
      if (reasons.length > 0) await this.#db.run(addReasons, JSON.stringify(reasons))
    })
  }

  /** Drops the accounts of devices that were silent longest; resolves with how many. */
  async keep(maxDevices: number): Promise<number> {
    const row = await this.#db.get('SELECT count(*) AS n FROM accounts')
    const surplus = Number(row?.['n'] ?? 0) - maxDevices
    if (surplus <= 0) return 0
    await transaction(this.#db, async () => {
      await this.#db.run(forgetOldest, surplus)
      await this.#db.run('DELETE FROM reasons WHERE device NOT IN (SELECT device FROM accounts)')
    })
    return surplus
  }

  async read(device: string): Promise<DeviceLedger | undefined> {
    const row = await this.#db.get('SELECT * FROM accounts WHERE device = ?', device)
    if (!row) return undefined
    const reasons = await this.#db.all('SELECT * FROM reasons WHERE device = ?', device)
    return {
      device,
      received: Number(row['received']),
      stored: Number(row['stored']),
      repeated: Number(row['repeated']),
      rejected: byCode(reasons, 'rejected'),
      turnedAway: byCode(reasons, 'turned away'),
      bytes: Number(row['bytes']),
      firstSeen: isoTime(row, 'first_ms'),
      lastSeen: isoTime(row, 'last_ms'),
      gaps: Number(row['gaps'])
    }
  }

  /** ISO 8601 of when each device was heard last. */
  async lastSeen(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#db.all('SELECT device, last_ms FROM accounts')
    return new Map(rows.map((row) => [String(row['device']), isoTime(row, 'last_ms')]))
  }

  /** Says that the accounts are complete. */
  async finish(): Promise<void> {
    await this.#db.exec('DELETE FROM running')
  }

  async close(): Promise<void> {
    await this.#db.close()
  }
}

/** Damage of one page shows only when that page is needed, and then again and again. */
async function requireSound(db: Database): Promise<void> {
  const found = String((await db.get('PRAGMA quick_check(1)'))?.['quick_check'])
  if (found !== 'ok') throw new HeadwaterError('store_corrupt', `${db.path}: ${found}`)
}

function byCode(rows: readonly SqlRow[], kind: string): Record<string, number> {
  const wanted = rows.filter((row) => row['kind'] === kind)
  return Object.fromEntries(wanted.map((row) => [String(row['code']), Number(row['records'])]))
}

function isoTime(row: SqlRow, column: string): string {
  return new Date(Number(row[column])).toISOString()
}
