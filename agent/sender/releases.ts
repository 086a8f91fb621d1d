import { setMaxListeners } from 'node:events'
import { Backoff } from '../../shared/backoff.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { FrameId, FrameStore, Parked } from '../buffer/buffer.ts'
import type { Bell } from './bell.ts'

/** Settled frames whose release is not on disk yet; above this no more is sent. */
const maxPending = 1024

export interface ReleasesOptions {
  readonly store: FrameStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Rings when a release is done. */
  readonly bell: Bell
}

/** Tells the buffer which frames are settled, again and again until it has taken it. */
export class Releases {
  readonly #options: ReleasesOptions
  readonly #ids = new Set<FrameId>()
  readonly #abandoned = new AbortController()

  constructor(options: ReleasesOptions) {
    this.#options = options
    // One listener for each release that waits to be tried again.
    setMaxListeners(0, this.#abandoned.signal)
  }

  get pending(): number {
    return this.#ids.size
  }

  get full(): boolean {
    return this.#ids.size >= maxPending
  }

  /** Whether the frame is settled, though the buffer may still return it. */
  has(id: FrameId): boolean {
    return this.#ids.has(id)
  }

  add(id: FrameId, parked: readonly Parked[]): void {
    this.#ids.add(id)
    void this.#release(id, parked)
  }

  /** Tries no more: what is not released is sent again after the next start. */
  abandon(): void {
    this.#abandoned.abort()
  }

  async #release(id: FrameId, parked: readonly Parked[]): Promise<void> {
    const { store, clock, random, log, bell } = this.#options
    const { signal } = this.#abandoned
    const backoff = new Backoff({ firstMs: 500, maxMs: 60_000, random })
    for (;;) {
      try {
        await (parked.length > 0 ? store.release(id, parked) : store.release(id))
        break
      } catch (error) {
        if (backoff.attempts === 0) log.error({ error, id }, 'a settled frame cannot be released')
        await clock.sleep(backoff.next(), signal)
        if (signal.aborted) break
      }
    }
    this.#ids.delete(id)
    bell.ring()
  }
}
