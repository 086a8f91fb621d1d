import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import type { Database } from '../../../shared/sqlite.ts'
import { openStoreFile, transaction } from '../../../shared/store-file.ts'
import { checkCrc, withCrc } from './checked-bytes.ts'
import { setAside } from './segment-files.ts'
import { storeFormat } from './store-format.ts'
import { decodeDefinition, encodeDefinition, type StreamDefinition } from './stream-definition.ts'

const schema = `
  CREATE TABLE numbers (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE streams (
    name TEXT PRIMARY KEY, deleted INTEGER NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE checkpoints (application TEXT, stream TEXT, value TEXT NOT NULL,
    PRIMARY KEY (application, stream)) STRICT, WITHOUT ROWID;
`

/** Sequence indexes that a stream takes at a time. */
export const rangeSize = 2 ** 20

const checkpointLimits = { count: 10_000, chars: 32 * 1024 * 1024 } as const

/** `ageMs`: see `EngineClock`. `nextRange`: no sequence index from here on was ever given out. */
type NumberName = 'ageMs' | 'nextRange' | 'clean' | 'commitmentStartMs' | 'commitmentEndMs'

/** When the wire API's account committed itself to a least throughput, and until when; 0: never. */
export interface Commitment {
  readonly startMs: number
  readonly endMs: number
}

/** What the engine must know beside the segments: `engine.db`. All is durable when it resolves. */
export class Catalog {
  readonly #db: Database
  /** Whether it was made new by this open: there was none, or it was damaged and set aside. */
  readonly fresh: boolean
  #nextRange = 0

  private constructor(db: Database, fresh: boolean) {
    this.#db = db
    this.fresh = fresh
  }

  static async open(path: string, log: Log): Promise<Catalog> {
    try {
      return await Catalog.#open(path)
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      if (error.code !== 'store_corrupt') throw error
      const quarantined = await setAside(path)
      log.error({ error, quarantined }, 'the catalog is damaged; checkpoints of readers are lost')
      return Catalog.#open(path)
    }
  }

  static async #open(path: string): Promise<Catalog> {
    const { db, version } = await openStoreFile(path, storeFormat)
    try {
      if (version === 0) {
        await transaction(db, async () => {
          await db.exec(schema)
          await db.exec(`PRAGMA user_version = ${storeFormat.version}`)
        })
      } else {
        const row = await db.get('PRAGMA quick_check(1)')
        if (row?.['quick_check'] !== 'ok') throw new HeadwaterError('store_corrupt', path)
      }
      return new Catalog(db, version === 0)
    } catch (thrown) {
      await db.close().catch(() => undefined)
      throw thrown
    }
  }

  /** Definitions of all streams; a damaged one is left out, and found again in its segments. */
  async streams(): Promise<{ kept: StreamDefinition[]; deleted: string[] }> {
    const rows = await this.#db.all('SELECT name, deleted, body FROM streams ORDER BY name')
    const kept: StreamDefinition[] = []
    const deleted: string[] = []
    for (const row of rows) {
      const body = checkCrc(row['body'])
      if (row['deleted'] === 1) deleted.push(String(row['name']))
      else if (body) kept.push(decodeDefinition(body))
    }
    return { kept, deleted }
  }

  async saveStream(definition: StreamDefinition): Promise<void> {
    const body = withCrc(encodeDefinition(definition))
    await this.#db.run('INSERT OR REPLACE INTO streams VALUES (?, 0, ?)', definition.name, body)
  }

  /** First half of a deletion; the second is `forgetStream`, when the files are gone. */
  async markDeleted(stream: string): Promise<void> {
    await this.#db.run('UPDATE streams SET deleted = 1 WHERE name = ?', stream)
  }

  async forgetStream(stream: string): Promise<void> {
    await this.#db.run('DELETE FROM checkpoints WHERE stream = ?', stream)
    await this.#db.run('DELETE FROM streams WHERE name = ?', stream)
  }

  /**
   * Gives out `rangeSize` sequence indexes that no stream ever had and none will get again, not
   * even when the segments that used them are lost. Resolves with the first.
   */
  async takeRange(): Promise<number> {
    const first = this.#nextRange
    this.#nextRange += rangeSize
    await this.saveNumber('nextRange', this.#nextRange)
    return first
  }

  /**
   * Before the first `takeRange`: what the segments say. If the catalog knows less, it was lost,
   * and the ranges that were given out but hardly used are unknown: leaves room for a million.
   */
  async raiseRanges(usedBelow: number): Promise<void> {
    const saved = await this.number('nextRange')
    this.#nextRange = usedBelow > saved ? usedBelow + rangeSize ** 2 : saved
  }

  /** 0 when it was never saved or is damaged. */
  async number(name: NumberName): Promise<number> {
    const row = await this.#db.get('SELECT body FROM numbers WHERE name = ?', name)
    return checkCrc(row?.['body'])?.readDoubleBE() ?? 0
  }

  async saveNumber(name: NumberName, value: number): Promise<void> {
    const body = Buffer.alloc(8)
    body.writeDoubleBE(value)
    await this.#db.run('INSERT OR REPLACE INTO numbers VALUES (?, ?)', name, withCrc(body))
  }

  async commitment(): Promise<Commitment> {
    return {
      startMs: await this.number('commitmentStartMs'),
      endMs: await this.number('commitmentEndMs')
    }
  }

  async saveCommitment({ startMs, endMs }: Commitment): Promise<void> {
    await this.saveNumber('commitmentStartMs', startMs)
    await this.saveNumber('commitmentEndMs', endMs)
  }

  /** Rejects with `too_large` past `checkpointLimits`. */
  async saveCheckpoint(application: string, stream: string, value: string): Promise<void> {
    const row = await this.#db.get(
      'SELECT count(*) AS count FROM checkpoints WHERE NOT (application = ? AND stream = ?)',
      application,
      stream
    )
    const { count, chars } = checkpointLimits
    if (value.length > chars || Number(row?.['count']) >= count) {
      throw new HeadwaterError(
        'too_large',
        `a checkpoint may have ${chars} characters, and there may be ${count} of them`
      )
    }
    await this.#db.run(
      'INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)',
      application,
      stream,
      value
    )
  }

  async loadCheckpoint(application: string, stream: string): Promise<string | undefined> {
    const row = await this.#db.get(
      'SELECT value FROM checkpoints WHERE application = ? AND stream = ?',
      application,
      stream
    )
    return row && String(row['value'])
  }

  close(): Promise<void> {
    return this.#db.close()
  }
}
