import type { Random } from './random.ts'

export interface BackoffOptions {
  /** Upper bound of the first wait, milliseconds. */
  readonly firstMs: number
  /** Upper bound of every later wait, milliseconds. */
  readonly maxMs: number
  readonly random: Random
}

/**
 * Full jitter: each wait is uniform in [0, min(maxMs, firstMs * 2^attempt)), so that a fleet which
 * lost its gateway at one moment does not come back at one moment.
 */
export class Backoff {
  readonly #options: BackoffOptions
  #attempt = 0

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** Attempts since the last reset. */
  get attempts(): number {
    return this.#attempt
  }

  /** The next wait in milliseconds, at least `floorMs` (a Retry-After). */
  next(floorMs = 0): number {
    const { firstMs, maxMs, random } = this.#options
    const bound = Math.min(maxMs, firstMs * 2 ** Math.min(this.#attempt, 40))
    this.#attempt += 1
    return floorMs + random.fraction() * bound
  }

  reset(): void {
    this.#attempt = 0
  }
}
