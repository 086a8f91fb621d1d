import type { Clock } from '../../shared/clock.ts'

/** Timers take no longer than this; a loop that wakes for nothing once an hour does no harm. */
const longestMs = 3_600_000

/** Wakes one loop. A ring while nobody waits is kept for the next wait. */
export class Bell {
  readonly #clock: Clock
  #rung = false
  #wake: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves at the next ring, or after `ms`. */
  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      const timer = new AbortController()
      const rung = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      await Promise.race([rung, this.#clock.sleep(Math.min(ms, longestMs), timer.signal)])
      timer.abort()
      this.#wake = undefined
    }
    this.#rung = false
  }
}
