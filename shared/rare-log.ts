import type { Clock } from './clock.ts'
import type { Log } from './log.ts'

const linesPerWindow = 10
const windowMs = 10_000

/**
 * Warnings that strangers can cause as often as they like: at most ten in ten seconds are written,
 * and the next one says how many were not.
 */
export class RareLog {
  readonly #clock: Clock
  readonly #log: Log
  #windowStartMs = Number.NEGATIVE_INFINITY
  #lines = 0
  #suppressed = 0

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  warn(fields: Readonly<Record<string, unknown>>, message: string): void {
    const nowMs = this.#clock.monoMs()
    if (nowMs - this.#windowStartMs >= windowMs) {
      this.#windowStartMs = nowMs
      this.#lines = 0
    }
    if (this.#lines >= linesPerWindow) {
      this.#suppressed += 1
      return
    }
    this.#lines += 1
    const suppressed = this.#suppressed > 0 ? { suppressed: this.#suppressed } : {}
    this.#suppressed = 0
    this.#log.warn({ ...fields, ...suppressed }, message)
  }
}
