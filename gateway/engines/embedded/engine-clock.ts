import type { Clock } from '../../../shared/clock.ts'

/**
 * How long this engine has run, over all its lives. Retention is measured in it, so that no jump
 * of the wall clock can delete anything; time in which the engine was down does not count.
 */
export class EngineClock {
  readonly #clock: Clock
  readonly #startMs: number
  #baseMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monoMs()
  }

  /** Whole milliseconds; never falls. */
  ageMs(): number {
    return this.#baseMs + Math.floor(this.#clock.monoMs() - this.#startMs)
  }

  /** An earlier life is known to have reached this age. */
  raise(ageMs: number): void {
    this.#baseMs = Math.max(this.#baseMs, ageMs)
  }
}
