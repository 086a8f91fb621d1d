import type { BytePool, Reservation } from '../../../../../shared/byte-pool.ts'

/**
 * How much room a body has before it has filled that. Behind the last step it gets all it may need
 * at once, so that bodies that are under way cannot wait for each other's rest. Bytes.
 */
const stepsBytes = [64 * 1024, 1024 * 1024]

/** The room of one body in a pool: little until bytes come, for an announced length costs nothing. */
export class BodyRoom {
  readonly #pool: BytePool
  readonly #mostBytes: number
  readonly #places: Reservation[] = []
  #heldBytes = 0

  /** `mostBytes` is the length of the body, as far as it is known. */
  constructor(pool: BytePool, mostBytes: number) {
    this.#pool = pool
    this.#mostBytes = mostBytes
  }

  /** Resolves when `bytes` have room; rejects as `BytePool.reserve` does. */
  async cover(bytes: number): Promise<void> {
    while (this.#heldBytes < bytes) {
      const step = stepsBytes.find((one) => one > this.#heldBytes) ?? this.#mostBytes
      const moreBytes = Math.max(bytes, Math.min(step, this.#mostBytes)) - this.#heldBytes
      this.#places.push(await this.#pool.reserve(moreBytes))
      this.#heldBytes += moreBytes
    }
  }

  release(): void {
    for (const place of this.#places) place.release()
  }
}
