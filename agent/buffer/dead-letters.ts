import { crc32 } from 'node:zlib'
import type { AckCode } from '../../shared/errors.ts'
import type { SqlRow, SqlValue } from '../../shared/sqlite.ts'
import type { BodyEncoding } from '../../shared/wire/batch.ts'
import type { AgentStore } from './store/agent-store.ts'
import type { Parked } from './buffer.ts'
import type { Ledger, Loss } from './ledger.ts'
import type { SeqRange } from './seq-ranges.ts'
import type { Sql } from './store/sql.ts'
import type { StoreTable } from './store/store-file.ts'

/** Records that were refused for one reason. */
export interface DeadLetter {
  readonly stream: string
  readonly epoch: string
  /** Which records, as numbered in `epoch` and `stream`. */
  readonly seqs: readonly SeqRange[]
  readonly code: Parked['code'] | AckCode
  readonly reason: string
  /** Wall time at which it was parked. */
  readonly parkedMs: number
  readonly enc: BodyEncoding
  /** The records as a frame; whatever was found, when the code is `unreadable`. */
  readonly body: Buffer
}

export const deadLettersTable: StoreTable = {
  name: 'dead_letters',
  create: `CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY, stream TEXT NOT NULL, epoch TEXT NOT NULL, seqs TEXT NOT NULL,
    code TEXT NOT NULL, reason TEXT NOT NULL, parked_ms INTEGER NOT NULL, enc TEXT NOT NULL,
    crc INTEGER NOT NULL, body BLOB NOT NULL)`,
  insert: `INSERT INTO dead_letters (stream, epoch, seqs, code, reason, parked_ms, enc, crc, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  intact: (row) => {
    const letter = parseLetter(row)
    return letter && valuesOf(letter)
  }
}

const selectSizes = 'SELECT id, stream, seqs, length(body) AS bytes FROM dead_letters'

/** What a letter takes besides its body, about. Bytes. */
const letterOverheadBytes = 256

/** `after`: id of the last letter known. */
export interface LetterPage {
  readonly after?: number
  readonly limit: number
}

/** The letters of a store with ids above `after`, in the order in which they were parked. */
export async function readDeadLetters(
  store: Pick<Sql, 'all'>,
  { after = 0, limit }: LetterPage
): Promise<{ id: number; letter: DeadLetter }[]> {
  const rows = await store.all(
    'SELECT * FROM dead_letters WHERE id > ? ORDER BY id LIMIT ?',
    after,
    limit
  )
  return rows.flatMap((row) => {
    const letter = parseLetter(row)
    return letter ? { id: row['id'] as number, letter } : []
  })
}

/** Records that the gateway refused for good. Over its bytes the oldest give way, and are counted. */
export class DeadLetters {
  readonly #store: AgentStore
  readonly #ledger: Ledger
  readonly #maxBytes: number
  #bytes: number

  private constructor(
    store: AgentStore,
    ledger: Ledger,
    { maxBytes, bytes }: { maxBytes: number; bytes: number }
  ) {
    this.#store = store
    this.#ledger = ledger
    this.#maxBytes = maxBytes
    this.#bytes = bytes
  }

  static async load(store: AgentStore, ledger: Ledger, maxBytes: number): Promise<DeadLetters> {
    const [row] = await store.all(
      'SELECT count(*) AS letters, sum(length(body)) AS bytes FROM dead_letters'
    )
    const letters = row?.['letters'] as number
    const bytes = ((row?.['bytes'] ?? 0) as number) + letters * letterOverheadBytes
    return new DeadLetters(store, ledger, { maxBytes, bytes })
  }

  /** Durable when it resolves. */
  park(letters: readonly DeadLetter[]): Promise<void> {
    return this.#store.write(async (db) => {
      let bytes = this.#bytes
      for (const letter of letters) {
        await db.run(deadLettersTable.insert, ...valuesOf(letter))
        bytes += letter.body.length + letterOverheadBytes
      }
      const losses: Loss[] = []
      while (bytes > this.#maxBytes) {
        const freed = await this.#dropOldest(db, losses)
        if (freed === 0) break
        bytes -= freed
      }
      const count = await this.#ledger.write(db, losses)
      return () => {
        this.#bytes = bytes
        count()
      }
    })
  }

  /** Durable when it resolves. `lost`: nobody has them any more, and they are counted. */
  remove(ids: readonly number[], { lost }: { readonly lost: boolean }): Promise<void> {
    return this.#store.write(async (db) => {
      const losses: Loss[] = []
      let freed = 0
      for (const id of ids) {
        const row = await db.get(`${selectSizes} WHERE id = ?`, id)
        freed += row ? await this.#delete(db, row, { losses, reason: 'dead_letter_dropped' }) : 0
      }
      const count = await this.#ledger.write(db, lost ? losses : [])
      return () => {
        this.#bytes -= freed
        count()
      }
    })
  }

  async #dropOldest(db: Sql, losses: Loss[]): Promise<number> {
    const row = await db.get(`${selectSizes} ORDER BY id LIMIT 1`)
    return row ? this.#delete(db, row, { losses, reason: 'dead_letter_overflow' }) : 0
  }

  async #delete(
    db: Sql,
    row: SqlRow,
    { losses, reason }: { losses: Loss[]; reason: Loss['reason'] }
  ): Promise<number> {
    await db.run('DELETE FROM dead_letters WHERE id = ?', row['id'] ?? null)
    const seqs = JSON.parse(String(row['seqs'])) as SeqRange[]
    losses.push({ stream: String(row['stream']), reason, records: countOf(seqs) })
    return (row['bytes'] as number) + letterOverheadBytes
  }
}

/** How many records these are. */
export function countOf(seqs: readonly SeqRange[]): number {
  return seqs.reduce((sum, [from, to]) => sum + to - from + 1, 0)
}

function valuesOf(letter: DeadLetter): SqlValue[] {
  const { stream, epoch, code, reason, parkedMs, enc, body } = letter
  const seqs = JSON.stringify(letter.seqs)
  return [stream, epoch, seqs, code, reason, parkedMs, enc, crcOf(letter), body]
}

function parseLetter(row: SqlRow): DeadLetter | undefined {
  const { body } = row
  if (!Buffer.isBuffer(body)) return undefined
  try {
    const letter: DeadLetter = {
      stream: String(row['stream']),
      epoch: String(row['epoch']),
      seqs: JSON.parse(String(row['seqs'])) as SeqRange[],
      code: row['code'] as DeadLetter['code'],
      reason: String(row['reason']),
      parkedMs: row['parked_ms'] as number,
      enc: row['enc'] === 'gzip' ? 'gzip' : 'id',
      body
    }
    return crcOf(letter) === row['crc'] ? letter : undefined
  } catch {
    return undefined
  }
}

function crcOf({ body, ...rest }: DeadLetter): number {
  const { stream, epoch, seqs, code, reason, parkedMs, enc } = rest
  return crc32(JSON.stringify([stream, epoch, seqs, code, reason, parkedMs, enc]), crc32(body))
}
