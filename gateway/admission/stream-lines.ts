import type { BytePool } from '../../shared/byte-pool.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { Sharding } from '../sharding/sharding.ts'

/**
 * Keeps the order of calls while a stream is being loaded: who comes then stands in line, and
 * nobody passes the line until it is empty.
 */
export class StreamLines {
  readonly #sharding: Sharding
  readonly #waiting: BytePool
  readonly #tails = new Map<string, Promise<void>>()

  /** `waiting` holds the bytes of all who stand in line. */
  constructor(sharding: Sharding, waiting: BytePool) {
    this.#sharding = sharding
    this.#waiting = waiting
  }

  /**
   * Starts `work` when the stream is loaded and all who came before have started; at once where
   * that is so already. Rejects as `Sharding.prepare` and `work` do; throws `unavailable` when too
   * much waits.
   */
  pass<T>(stream: string, bytes: number, work: () => Promise<T>): Promise<T> {
    const tail = this.#tails.get(stream)
    const loading = tail
      ? tail.then(() => this.#sharding.prepare(stream, undefined))
      : this.#sharding.prepare(stream, undefined)
    if (!loading) return work()
    const place = this.#waiting.tryReserve(bytes)
    if (!place) {
      loading.catch(() => {})
      throw tooMuchWaits()
    }
    const loaded = loading.finally(() => place.release())
    return this.#standInLine(stream, loaded, work)
  }

  async #standInLine<T>(stream: string, loaded: Promise<void>, work: () => Promise<T>): Promise<T> {
    // Wrapped, so that the next in line waits for the start of the work and not for its end.
    const started = loaded.then(() => ({ outcome: work() }))
    const next: Promise<void> = started
      .then(
        () => {},
        () => {}
      )
      .then(() => {
        if (this.#tails.get(stream) === next) this.#tails.delete(stream)
      })
    this.#tails.set(stream, next)
    const { outcome } = await started
    return outcome
  }
}

export function tooMuchWaits(): HeadwaterError {
  return new HeadwaterError('unavailable', 'too many batches wait for the engine; send again', {
    retryAfterMs: 1000
  })
}
