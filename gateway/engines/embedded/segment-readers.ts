import type { Log } from '../../../shared/log.ts'
import { SegmentReader } from './segment-reader.ts'

/** Readers kept open while nobody uses them. */
const maxIdle = 8

interface Lent {
  readonly reader: Promise<SegmentReader>
  users: number
  /** Set when nobody may take it any more: called when the last user is done. */
  retired?: () => void
}

/** Opens readers of segments when they are needed and closes those that were not used for longest. */
export class SegmentReaders {
  readonly #log: Log
  /** By path, least recently used first. */
  readonly #readers = new Map<string, Lent>()

  constructor(log: Log) {
    this.#log = log
  }

  async use<T>(path: string, work: (reader: SegmentReader) => Promise<T>): Promise<T> {
    const lent = this.#lend(path)
    lent.users += 1
    try {
      return await work(await lent.reader)
    } finally {
      lent.users -= 1
      if (lent.users === 0) lent.retired?.()
      await this.#closeIdle()
    }
  }

  /** Closes the reader of a file when its last user is done; the next use opens the file anew. */
  async retire(path: string): Promise<void> {
    const lent = this.#readers.get(path)
    if (!lent) return
    this.#readers.delete(path)
    if (lent.users > 0) {
      await new Promise<void>((resolve) => {
        lent.retired = resolve
      })
    }
    const reader = await lent.reader.catch(() => undefined)
    await reader?.close().catch((error: unknown) => {
      this.#log.warn({ error, path }, 'a segment did not close well')
    })
  }

  async close(): Promise<void> {
    for (const path of this.#readers.keys()) await this.retire(path)
  }

  #lend(path: string): Lent {
    const lent = this.#readers.get(path) ?? this.#open(path)
    this.#readers.delete(path)
    this.#readers.set(path, lent)
    return lent
  }

  #open(path: string): Lent {
    const lent: Lent = { reader: SegmentReader.open(path), users: 0 }
    lent.reader.catch(() => {
      if (this.#readers.get(path) === lent) this.#readers.delete(path)
    })
    return lent
  }

  async #closeIdle(): Promise<void> {
    if (this.#readers.size <= maxIdle) return
    const idle = [...this.#readers].find(([, lent]) => lent.users === 0)
    if (idle) await this.retire(idle[0])
  }
}
