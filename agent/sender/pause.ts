import { Backoff } from '../../shared/backoff.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'

/** Upper bounds of the waits after failures: of the first, and of every later one. */
export interface BackoffBounds {
  readonly firstMs: number
  readonly maxMs: number
}

export interface PauseOptions {
  readonly clock: Clock
  readonly random: Random
  readonly backoff?: BackoffBounds | undefined
}

const backoffDefaults: BackoffBounds = { firstMs: 500, maxMs: 300_000 }

/** What only a person can change is tried again after one to five minutes. Milliseconds. */
const probe = { leastMs: 60_000, spreadMs: 240_000 } as const

/** When something that failed may be tried again. */
export class Pause {
  readonly #clock: Clock
  readonly #random: Random
  readonly #backoff: Backoff
  #resumeAtMs = 0
  #troubled = false

  constructor({ clock, random, backoff = backoffDefaults }: PauseOptions) {
    this.#clock = clock
    this.#random = random
    this.#backoff = new Backoff({ ...backoff, random })
  }

  /** It has failed and not succeeded since: try with one batch. */
  get troubled(): boolean {
    return this.#troubled
  }

  /** Milliseconds until the next attempt; 0: now. */
  get waitMs(): number {
    return Math.max(0, this.#resumeAtMs - this.#clock.monoMs())
  }

  retry(retryAfterMs = 0): void {
    this.#wait(this.#backoff.next(retryAfterMs))
  }

  probeSlowly(): void {
    this.#wait(probe.leastMs + this.#random.fraction() * probe.spreadMs)
  }

  /** It has succeeded. */
  end(): void {
    this.#troubled = false
    this.#resumeAtMs = 0
    this.#backoff.reset()
  }

  #wait(ms: number): void {
    this.#troubled = true
    this.#resumeAtMs = this.#clock.monoMs() + ms
  }
}
