import type { Clock } from '../../../../../shared/clock.ts'
import { WireError } from '../wire-error.ts'

/** A consumer may subscribe to a shard again after this. */
const holdMs = 5000

interface Subscription {
  readonly startedMs: number
  readonly ended: AbortController
}

/** Who is subscribed to what: one at a time for each consumer and shard. */
export class Subscriptions {
  readonly #clock: Clock
  /** Those under way, and those that began within `holdMs`. */
  readonly #latest = new Map<string, Subscription>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Takes over from the one before. The signal aborts when `call` does, and with a `WireError` as
   * its reason when another takes over. Throws `ResourceInUseException` when the one before is
   * too young for that.
   */
  begin(name: string, call: AbortSignal): AbortSignal {
    const startedMs = this.#clock.monoMs()
    const before = this.#latest.get(name)
    if (before && startedMs - before.startedMs < holdMs) {
      throw new WireError(
        'ResourceInUseException',
        'Another active subscription exists for this consumer and shard, made less than 5 seconds ago.'
      )
    }
    before?.ended.abort(
      new WireError(
        'ResourceInUseException',
        'Another subscription of the same consumer to this shard took over.'
      )
    )
    this.#forget(startedMs)
    const ended = new AbortController()
    this.#latest.set(name, { startedMs, ended })
    const end = () => ended.abort()
    if (call.aborted) end()
    call.addEventListener('abort', end, { once: true })
    return ended.signal
  }

  #forget(nowMs: number): void {
    for (const [name, { startedMs, ended }] of this.#latest) {
      if (ended.signal.aborted && nowMs - startedMs >= holdMs) this.#latest.delete(name)
    }
  }
}
