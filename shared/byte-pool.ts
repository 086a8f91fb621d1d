import type { Clock } from './clock.ts'
import { HeadwaterError } from './errors.ts'

export interface BytePoolOptions {
  readonly maxBytes: number
  /** How long `reserve` waits in line. Milliseconds. */
  readonly waitMs: number
  /** How many may wait in line; one more is refused at once. */
  readonly maxWaiting: number
  /** What the bytes are of, for messages; default `bodies being read`. */
  readonly of?: string
  readonly clock: Clock
}

/** Bytes held from a pool. */
export interface Reservation {
  /** Gives back what is held beyond `bytes`. */
  shrink(bytes: number): void
  /** Gives everything back; safe twice. */
  release(): void
}

interface Waiter {
  readonly bytes: number
  readonly admit: () => void
}

/** Bytes that may be held in memory at once. Those who want more stand in line, first come first served. */
export class BytePool {
  readonly #options: BytePoolOptions
  readonly #line = new Set<Waiter>()
  #usedBytes = 0
  #refused = 0

  constructor(options: BytePoolOptions) {
    this.#options = options
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** How often bytes were refused because the pool, or the line before it, was full. */
  get refused(): number {
    return this.#refused
  }

  /** Undefined when there is no room now. A request above the whole pool counts as the whole pool. */
  tryReserve(bytes: number): Reservation | undefined {
    const wanted = Math.min(bytes, this.#options.maxBytes)
    if (this.#line.size === 0 && this.#fits(wanted)) return this.#hold(wanted)
    this.#refused += 1
    return undefined
  }

  /** Rejects with `unavailable` when no room came free within `waitMs` or the line is full. */
  async reserve(bytes: number): Promise<Reservation> {
    const wanted = Math.min(bytes, this.#options.maxBytes)
    if (this.#line.size === 0 && this.#fits(wanted)) return this.#hold(wanted)
    if (this.#line.size >= this.#options.maxWaiting) throw this.#full()
    const timer = new AbortController()
    let held: Reservation | undefined
    const waiter = {
      bytes: wanted,
      admit: () => {
        held = this.#hold(wanted)
        timer.abort()
      }
    }
    this.#line.add(waiter)
    await this.#options.clock.sleep(this.#options.waitMs, timer.signal)
    if (held) return held
    this.#line.delete(waiter)
    this.#advance()
    throw this.#full()
  }

  #fits(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.#options.maxBytes
  }

  #hold(bytes: number): Reservation {
    let held = bytes
    this.#usedBytes += held
    const shrink = (toBytes: number) => {
      const back = Math.max(0, held - toBytes)
      held -= back
      this.#usedBytes -= back
      if (back > 0) this.#advance()
    }
    return { shrink, release: () => shrink(0) }
  }

  #advance(): void {
    for (const waiter of this.#line) {
      if (!this.#fits(waiter.bytes)) return
      this.#line.delete(waiter)
      waiter.admit()
    }
  }

  #full(): HeadwaterError {
    this.#refused += 1
    const { maxBytes, of = 'bodies being read' } = this.#options
    return new HeadwaterError(
      'unavailable',
      `all ${maxBytes} bytes for ${of} are in use; send again later`,
      { retryAfterMs: 1000 }
    )
  }
}
