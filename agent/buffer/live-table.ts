import { crc32 } from 'node:zlib'
import type { SqlRow } from '../../shared/sqlite.ts'
import type { FrameIndex } from './frames/frame-index.ts'
import type { SeqRange } from './seq-ranges.ts'
import type { AgentStore } from './store/agent-store.ts'
import type { StoreTable } from './store/store-file.ts'

interface Place {
  readonly stream: string
  readonly epoch: string
}

interface LiveRow extends Place {
  readonly ranges: readonly SeqRange[]
}

export const liveTable: StoreTable = {
  name: 'live',
  create: `CREATE TABLE live (
    id INTEGER PRIMARY KEY, stream TEXT NOT NULL, epoch TEXT NOT NULL, ranges TEXT NOT NULL,
    crc INTEGER NOT NULL, UNIQUE (stream, epoch))`,
  insert: 'INSERT INTO live (stream, epoch, ranges, crc) VALUES (?, ?, ?, ?)',
  intact: (row) => {
    const live = parseRow(row)
    return live && valuesOf(live)
  }
}

const everything: readonly SeqRange[] = [[1, Number.MAX_SAFE_INTEGER]]

/** What of each stream and epoch was, or may have been, sent in the live lane; see `LaneStore`. */
export class LiveTable {
  readonly #store: AgentStore
  /** Epochs that were there at the start. */
  readonly #older: ReadonlySet<string>
  /** Epochs whose rows go with the next save. */
  readonly #gone = new Set<string>()
  readonly #rows = new Map<string, LiveRow>()
  #final: ReadonlyMap<string, number> = new Map()

  private constructor(store: AgentStore, older: ReadonlySet<string>) {
    this.#store = store
    this.#older = older
  }

  /** `older`: epochs of which something is held; others are forgotten. */
  static async load(store: AgentStore, older: ReadonlySet<string>): Promise<LiveTable> {
    const table = new LiveTable(store, older)
    for (const row of await store.all('SELECT * FROM live')) {
      const live = parseRow(row)
      if (!live) continue
      if (older.has(live.epoch)) table.#rows.set(keyOf(live), live)
      else table.#gone.add(live.epoch)
    }
    return table
  }

  get(place: Place): readonly SeqRange[] | undefined {
    const unknown = this.#older.has(place.epoch) ? everything : undefined
    return this.#rows.get(keyOf(place))?.ranges ?? unknown
  }

  final(place: Place): number {
    return this.#final.get(keyOf(place)) ?? 0
  }

  /** What `final` shall say once it is on disk how far the sending has come by now. */
  finalBy(index: FrameIndex): ReadonlyMap<string, number> {
    const final = new Map<string, number>()
    for (const [key, { stream, epoch }] of this.#rows) {
      const newest = index.newest(stream)
      const end = newest?.epoch === epoch ? newest.last + 1 : Number.MAX_SAFE_INTEGER
      final.set(key, index.nextHeld(stream, { epoch, seq: 1 }) || end)
    }
    return final
  }

  settle(final: ReadonlyMap<string, number>): void {
    this.#final = final
  }

  /** Durable when it resolves. */
  save(rows: readonly LiveRow[]): Promise<void> {
    return this.#store.write(async (db) => {
      for (const epoch of this.#gone) await db.run('DELETE FROM live WHERE epoch = ?', epoch)
      const replace = liveTable.insert.replace('INSERT', 'INSERT OR REPLACE')
      for (const row of rows) await db.run(replace, ...valuesOf(row))
      return () => {
        this.#gone.clear()
        for (const row of rows) this.#rows.set(keyOf(row), row)
      }
    })
  }
}

function keyOf({ stream, epoch }: Place): string {
  return `${epoch}/${stream}`
}

function valuesOf({ stream, epoch, ranges }: LiveRow): [string, string, string, number] {
  const text = JSON.stringify(ranges)
  return [stream, epoch, text, crcOf(stream, epoch, text)]
}

function parseRow(row: SqlRow): LiveRow | undefined {
  const [stream, epoch, text] = [row['stream'], row['epoch'], row['ranges']].map(String) as [
    string,
    string,
    string
  ]
  if (crcOf(stream, epoch, text) !== row['crc']) return undefined
  return { stream, epoch, ranges: JSON.parse(text) as SeqRange[] }
}

function crcOf(...parts: readonly string[]): number {
  return crc32(parts.join('|'))
}
