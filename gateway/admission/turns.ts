import type { BytePool, Reservation } from '../../shared/byte-pool.ts'
import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { type Settled, SourceTurns, type Turn } from './source-turns.ts'

export interface TurnsOptions {
  /** How long a batch that came before its predecessor waits for it. Milliseconds. */
  readonly earlyWaitMs: number
  /** Batches of one source that may wait; one more is out of order at once. */
  readonly maxEarly: number
  /** Sources remembered; the idle one that was silent longest is forgotten first. */
  readonly maxSources: number
  /** Holds the bytes of what waits, over all sources. */
  readonly waiting: BytePool
  readonly clock: Clock
}

interface Early {
  readonly turn: Turn
  readonly place: Reservation
  readonly timer: AbortController
  outcome?: { readonly settled: Promise<Settled> } | { readonly error: unknown }
}

interface Line {
  readonly turns: SourceTurns
  /** Ascending by first sequence number. */
  readonly early: Early[]
}

/** How many of the oldest sources are looked at for an idle one. */
const evictionReach = 32

/**
 * Lets batches of each source pass in order, once.
 *
 * A batch in turn is taken at once; an early one waits a little for its predecessor, because two
 * requests sent together may overtake each other, and is then `out_of_order`. When a batch is
 * refused, those behind it stay early until it comes again. A source that is not known (a new one,
 * or the gateway was restarted) begins at nothing taken: its sender's oldest batch lies at its
 * floor and is in turn, and what of it was stored in an earlier life is left out by `take`.
 */
export class Turns {
  readonly #options: TurnsOptions
  readonly #lines = new Map<string, Line>()
  readonly #waiting = new Set<Early>()
  #forgotten = 0

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  get sources(): number {
    return this.#lines.size
  }

  /** Sources dropped at `maxSources`. */
  get forgotten(): number {
    return this.#forgotten
  }

  /**
   * Resolves when every record of the batch is durable. Rejects with `out_of_order`, with
   * `unavailable` when all sources are busy, and with whatever `turn.take` threw or `durable`
   * rejected with.
   */
  async pass(source: string, turn: Turn): Promise<Settled> {
    const line = this.#lineOf(source)
    const settled = line.turns.tryTake(turn)
    if (!settled) return this.#wait(line, turn)
    this.#callEarly(line)
    return settled
  }

  /** Forgets all sources whose names begin with `prefix`; the early batches of them wait in vain. */
  forget(prefix: string): void {
    for (const source of this.#lines.keys()) {
      if (source.startsWith(prefix)) this.#lines.delete(source)
    }
  }

  /** Early batches stop waiting. */
  stop(): void {
    for (const early of this.#waiting) early.timer.abort()
  }

  async #wait(line: Line, turn: Turn): Promise<Settled> {
    const place =
      line.early.length < this.#options.maxEarly
        ? this.#options.waiting.tryReserve(turn.bytes)
        : undefined
    if (!place) throw outOfOrder(turn)
    const early: Early = { turn, place, timer: new AbortController() }
    const after = line.early.findIndex((one) => one.turn.first > turn.first)
    line.early.splice(after === -1 ? line.early.length : after, 0, early)
    this.#waiting.add(early)
    await this.#options.clock.sleep(this.#options.earlyWaitMs, early.timer.signal)
    const { outcome } = early
    if (!outcome) {
      this.#leave(line, early)
      throw outOfOrder(turn)
    }
    if ('error' in outcome) throw outcome.error
    return outcome.settled
  }

  /** Takes the early batches whose turn has come; one pass is enough, they stand in order. */
  #callEarly(line: Line): void {
    for (const early of line.early.slice()) {
      try {
        const settled = line.turns.tryTake(early.turn)
        if (!settled) continue
        // It is awaited only when the sleeper wakes; a rejection before that is no stray.
        settled.catch(() => {})
        early.outcome = { settled }
      } catch (error) {
        early.outcome = { error }
      }
      this.#leave(line, early)
      early.timer.abort()
    }
  }

  #leave(line: Line, early: Early): void {
    const at = line.early.indexOf(early)
    if (at !== -1) line.early.splice(at, 1)
    this.#waiting.delete(early)
    early.place.release()
  }

  #lineOf(source: string): Line {
    const known = this.#lines.get(source)
    const line = known && !known.turns.lost ? known : { turns: new SourceTurns(), early: [] }
    if (!known) this.#makeRoom()
    // Moved to the end: the map is in order of use.
    this.#lines.delete(source)
    this.#lines.set(source, line)
    return line
  }

  #makeRoom(): void {
    if (this.#lines.size < this.#options.maxSources) return
    let looked = 0
    for (const [source, line] of this.#lines) {
      this.#lines.delete(source)
      if (line.turns.idle && line.early.length === 0) {
        this.#forgotten += 1
        return
      }
      this.#lines.set(source, line)
      looked += 1
      if (looked === evictionReach) break
    }
    throw new HeadwaterError(
      'unavailable',
      `${this.#options.maxSources} sources have batches on their way; send again later`,
      { retryAfterMs: 1000 }
    )
  }
}

function outOfOrder(turn: Turn): HeadwaterError {
  return new HeadwaterError(
    'out_of_order',
    `the batch that ends at ${turn.prev} has not arrived; send from there again`
  )
}
