/** Below this part of a limit that was reached, more is taken again. */
const resumeAt = 0.8

/**
 * A limit on bytes held, with hysteresis: once it has refused, it refuses until a fifth is free.
 * One thing alone is always taken, however large, so that nothing is refused for ever.
 */
export class ByteBound {
  readonly #limitBytes: number
  #reached = false

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Whether `moreBytes` may come on top of the `heldBytes`. */
  admits(heldBytes: number, moreBytes: number): boolean {
    const limit = this.#reached ? this.#limitBytes * resumeAt : this.#limitBytes
    this.#reached = heldBytes > 0 && heldBytes + moreBytes > limit
    return !this.#reached
  }

  /** How many bytes must go before `moreBytes` are admitted. */
  excessBytes(heldBytes: number, moreBytes: number): number {
    return Math.max(0, Math.min(heldBytes, heldBytes + moreBytes - this.#limitBytes * resumeAt))
  }
}

/** Bytes held by all lanes of all streams, and their bound. */
export class ByteBudget {
  readonly #bound: ByteBound
  #bytes = 0
  #whenEmpty: (() => void) | undefined

  constructor(maxBytes: number) {
    this.#bound = new ByteBound(maxBytes)
  }

  get bytes(): number {
    return this.#bytes
  }

  admits(moreBytes: number): boolean {
    return this.#bound.admits(this.#bytes, moreBytes)
  }

  /** Bytes were taken (positive) or let go (negative). */
  change(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes === 0) this.#whenEmpty?.()
  }

  /** Resolves when nothing is held, or when `deadline` aborts. */
  async emptied(deadline: AbortSignal): Promise<void> {
    // What is routed anew is let go and taken again in one go: that is not empty.
    while (this.#bytes > 0 && !deadline.aborted) await this.#reachesZero(deadline)
  }

  #reachesZero(deadline: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        deadline.removeEventListener('abort', done)
        this.#whenEmpty = undefined
        resolve()
      }
      deadline.addEventListener('abort', done)
      this.#whenEmpty = done
    })
  }
}

/** What one lane holds: its share, and its part of the budget. */
export class LaneShare {
  readonly #bound: ByteBound
  readonly #budget: ByteBudget
  #bytes = 0

  constructor(shareBytes: number, budget: ByteBudget) {
    this.#bound = new ByteBound(shareBytes)
    this.#budget = budget
  }

  /** The lane holds so many bytes now. */
  set(bytes: number): void {
    this.#budget.change(bytes - this.#bytes)
    this.#bytes = bytes
  }

  admits(moreBytes: number): boolean {
    return this.#bound.admits(this.#bytes, moreBytes)
  }

  excessBytes(moreBytes: number): number {
    return this.#bound.excessBytes(this.#bytes, moreBytes)
  }
}
