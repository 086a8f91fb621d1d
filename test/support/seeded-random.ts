import type { Random } from '../../shared/random.ts'

/** Repeatable randomness (mulberry32); print the seed when a test that uses it fails. */
export class SeededRandom implements Random {
  readonly seed: number
  #state: number

  constructor(seed = (Date.now() ^ (process.pid << 8)) >>> 0) {
    this.seed = seed
    this.#state = seed
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** Uniform integer in [0, below). */
  below(below: number): number {
    return Math.floor(this.fraction() * below)
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count)
    for (let i = 0; i < count; i++) bytes[i] = this.below(256)
    return bytes
  }
}
