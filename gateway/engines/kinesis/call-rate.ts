import type { Clock } from '../../../shared/clock.ts'

/** Shards whose calls are remembered; of more, the one called longest ago is forgotten. */
const maxShards = 10_000

/** Spaces the calls of each shard: so many at once, and after that no more than its rate. */
export class CallRate {
  readonly #clock: Clock
  readonly #perSecond: number
  /** By shard, in order of the last call: when its allowance is whole again. */
  readonly #wholeAtMs = new Map<string, number>()

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
  }

  /** Resolves when the next call may be made. */
  async turn(shard: string): Promise<void> {
    const nowMs = this.#clock.monoMs()
    const stepMs = 1000 / this.#perSecond
    const wholeAtMs = Math.max(nowMs, this.#wholeAtMs.get(shard) ?? 0) + stepMs
    this.#wholeAtMs.delete(shard)
    this.#wholeAtMs.set(shard, wholeAtMs)
    if (this.#wholeAtMs.size > maxShards) {
      const [oldest] = this.#wholeAtMs.keys()
      if (oldest !== undefined) this.#wholeAtMs.delete(oldest)
    }
    // The allowance of one second may be used at once.
    const waitMs = wholeAtMs - nowMs - 1000
    if (waitMs > 0) await this.#clock.sleep(waitMs)
  }
}
