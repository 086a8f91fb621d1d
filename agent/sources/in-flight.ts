interface Bounds {
  readonly bytes: number
  readonly count: number
}

/**
 * The appends of a source that are not durable yet. The next chunk is made while these commit,
 * within bounds. One failure fails all that follows, so that no later cursor covers a gap.
 */
export class InFlight {
  readonly #bounds: Bounds
  #bytes = 0
  #count = 0
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  add(bytes: number, append: Promise<void>): void {
    this.#bytes += bytes
    this.#count += 1
    append
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        this.#bytes -= bytes
        this.#count -= 1
        this.#wake?.()
      })
  }

  /** Resolves when there is room for another chunk. Throws what an append was rejected with. */
  async room(): Promise<void> {
    while (this.#bytes >= this.#bounds.bytes || this.#count >= this.#bounds.count) {
      this.check()
      await this.#settled()
    }
    this.check()
  }

  /** Resolves when all is durable. Throws what an append was rejected with. */
  async durable(): Promise<void> {
    await this.settled()
    this.check()
  }

  /** Resolves when nothing is under way any more, well or not. */
  async settled(): Promise<void> {
    while (this.#count > 0) await this.#settled()
  }

  get empty(): boolean {
    return this.#count === 0
  }

  check(): void {
    if (this.#failure) throw this.#failure.error
  }

  #settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
