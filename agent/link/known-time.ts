import type { Clock } from '../../shared/clock.ts'

/** So far back the wall clock is believed: it was corrected, or it was restored at boot. */
const believedBackMs = 36 * 3_600_000

/**
 * The wall clock as far as it can be believed. One that is far behind what was seen before, such as
 * that of a machine without a battery after boot, is replaced by the time that was seen and what
 * has passed since; so days go on to turn without it.
 */
export class KnownTime {
  readonly #clock: Clock
  /** The latest time that was known, and when that was on the monotonic clock. */
  #latestMs: number
  #latestAtMs: number
  #estimated = false

  constructor(clock: Clock, latestMs = 0) {
    this.#clock = clock
    this.#latestMs = latestMs
    this.#latestAtMs = clock.monoMs()
  }

  /** Milliseconds since the epoch. */
  nowMs(): number {
    const monoMs = this.#clock.monoMs()
    const wallMs = this.#clock.wallMs()
    const expectedMs = this.#latestMs + monoMs - this.#latestAtMs
    this.#estimated = wallMs < expectedMs - believedBackMs
    const nowMs = this.#estimated ? expectedMs : wallMs
    if (nowMs >= this.#latestMs) {
      this.#latestMs = nowMs
      this.#latestAtMs = monoMs
    }
    return nowMs
  }

  /** For the next start. */
  get latestMs(): number {
    return this.#latestMs
  }

  /** The wall clock was not believed the last time. */
  get estimated(): boolean {
    return this.#estimated
  }
}
