import type { Clock } from '../../../../../shared/clock.ts'

const maxKeys = 10_000

/** When something was done last, by key. The keys that were used longest ago go when there are too many. */
export class CallLog {
  readonly #clock: Clock
  /** Times of the last calls, rising. */
  readonly #times = new Map<string, readonly number[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether there were `calls` calls within the last `windowMs`. */
  has(key: string, calls: number, windowMs: number): boolean {
    const times = this.#times.get(key) ?? []
    const first = times.at(-calls)
    return first !== undefined && this.#clock.monoMs() - first < windowMs
  }

  /** Takes note of a call; the last `kept` are known. */
  add(key: string, kept: number): void {
    const times = [...(this.#times.get(key) ?? []), this.#clock.monoMs()].slice(-kept)
    this.#times.delete(key)
    this.#times.set(key, times)
    const [oldest] = this.#times.keys()
    if (this.#times.size > maxKeys && oldest !== undefined) this.#times.delete(oldest)
  }
}
