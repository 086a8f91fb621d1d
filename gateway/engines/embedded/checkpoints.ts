import { Database } from '../../../shared/sqlite.ts'

const move = 'PRAGMA wal_checkpoint(PASSIVE)'

/** Committed during a move, so little may be left for the connection that writes. Bytes. */
const restBytes = 512 * 1024

/**
 * Moves the log (`-wal`) of a file into the file beside the commits; SQLite by itself lets every
 * so many of them wait for it. A connection of its own moves the bulk, again and again until little
 * comes in meanwhile. That is moved by the connection that writes, for the log begins anew only when
 * all is moved.
 */
export class Checkpoints {
  readonly #writer: Database
  /** Bytes that are committed before the next move. */
  readonly #everyBytes: number
  #loggedBytes = 0
  #bulk: 'stays' | 'moves' | 'moved' = 'stays'
  #work: Promise<unknown> = Promise.resolve()

  constructor(writer: Database, everyBytes: number) {
    this.#writer = writer
    this.#everyBytes = everyBytes
  }

  /** To be called after each commit, with about what it added to the log. */
  committed(bytes: number): void {
    this.#loggedBytes += bytes
    if (this.#bulk === 'moved') {
      this.#bulk = 'stays'
      this.#loggedBytes = 0
      this.#work = this.#writer.get(move).catch(left)
    } else if (this.#bulk === 'stays' && this.#loggedBytes >= this.#everyBytes) {
      this.#bulk = 'moves'
      this.#work = this.#moveBulk()
        .catch(left)
        .then(() => {
          this.#bulk = 'moved'
        })
    }
  }

  /** Resolves when no move is under way. */
  async idle(): Promise<void> {
    await this.#work
  }

  async #moveBulk(): Promise<void> {
    const db = await Database.open(this.#writer.path, { existing: true })
    try {
      await db.exec('PRAGMA synchronous = FULL')
      let before: number
      do {
        before = this.#loggedBytes
        await db.get(move)
      } while (this.#loggedBytes - before > restBytes && before < 2 * this.#everyBytes)
    } finally {
      await db.close()
    }
  }
}

/** What was not moved is in the log, and is moved with the next; the commits in it are durable there. */
function left(): void {}
