import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'

/** How long an answer of the file system holds. */
const validMs = 1_000

/** Keeps the last of the disk free, for checkpoints of SQLite and for whoever must clean up. */
export class FreeDisk {
  readonly #clock: Clock
  readonly #floorBytes: number
  readonly #freeBytes: () => Promise<number>
  #askedMs = Number.NEGATIVE_INFINITY
  #free: Promise<number> = Promise.resolve(0)

  constructor(clock: Clock, floorBytes: number, freeBytes: () => Promise<number>) {
    this.#clock = clock
    this.#floorBytes = floorBytes
    this.#freeBytes = freeBytes
  }

  /** Rejects with `store_full` below the floor; whoever asks during a measurement waits for it. */
  async require(): Promise<void> {
    const now = this.#clock.monoMs()
    if (now - this.#askedMs >= validMs) {
      this.#askedMs = now
      this.#free = this.#freeBytes()
    }
    const free = await this.#free
    if (free >= this.#floorBytes) return
    throw new HeadwaterError(
      'store_full',
      `${free} bytes of disk are free, ${this.#floorBytes} must stay so; free some, or shorten the retention`
    )
  }
}
