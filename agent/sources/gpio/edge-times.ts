import type { Clock } from '../../../shared/clock.ts'
import type { Edge } from './gpiomon.ts'

/** More seconds than any machine has been up, and fewer than the wall clock shows. */
const wallClockSeconds = 1_000_000_000

/** Event times of edges whose stamps are of the wall clock or of a clock that began at boot. */
export class EdgeTimes {
  readonly #clock: Clock
  /**
   * From a stamp to our own monotonic clock, by the edge that came quickest. Both clocks count
   * the same seconds, so all else that an edge came later by was its way here.
   */
  #offsetMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds since the epoch, of an edge that has just come. */
  wallMs({ seconds, nanoseconds }: Edge): number {
    const stampMs = seconds * 1000 + nanoseconds / 1e6
    if (seconds >= wallClockSeconds) return Math.floor(stampMs)
    const nowMs = this.#clock.monoMs()
    this.#offsetMs = Math.min(this.#offsetMs, nowMs - stampMs)
    const ageMs = nowMs - stampMs - this.#offsetMs
    return Math.floor(this.#clock.wallMs() - ageMs)
  }
}
