export interface FillTargetOptions {
  /** An aggregate is closed before it is larger than this at the time. */
  readonly maxBytes: () => number
  /** What puts are billed by; absent: aggregates may end anywhere. */
  readonly unitBytes?: number
}

/** An aggregate that leaves so much of its last unit empty is closed all the same. Part of a unit. */
const slack = 0.1

/**
 * How far an aggregate is filled. Where puts are billed by unit, it is closed just below a multiple
 * of it, and what is left goes with what comes next: of the units at hand all but the last are full.
 * For each closed aggregate that waits the next one may be twice as large, so that a shard that is
 * far away, with one put under way at a time, still gets all it takes.
 */
export class FillTarget {
  readonly #options: FillTargetOptions
  #unitBytes: number | undefined
  #mostBytes = 0
  #bytes = 0

  constructor(options: FillTargetOptions) {
    this.#options = options
  }

  /** Where the aggregate that is open is to be closed. */
  get bytes(): number {
    return this.#bytes
  }

  /** A new aggregate is begun. */
  begin(): void {
    this.#bytes = 0
  }

  /** Before records are added: so many closed aggregates wait, and so many bytes are at hand. */
  aim(waiting: number, bytesAtHand: () => number): void {
    this.#measure()
    const unit = this.#unitBytes
    if (unit === undefined) {
      this.#bytes = this.#mostBytes
      return
    }
    const atHand = bytesAtHand()
    const wanted = Math.max(atHand - (atHand % unit), unit * 2 ** Math.min(waiting, 10))
    this.#bytes = Math.min(this.#mostBytes, Math.max(this.#bytes, wanted))
  }

  /** An aggregate of `bytes` takes no more. False: close it; else it goes on to the next multiple. */
  extend(bytes: number): boolean {
    const unit = this.#unitBytes
    if (unit === undefined || this.#bytes >= this.#mostBytes) return false
    if (bytes <= this.#bytes && this.#bytes - bytes <= unit * slack) return false
    this.#bytes += unit
    return true
  }

  #measure(): void {
    const { unitBytes } = this.#options
    const maxBytes = this.#options.maxBytes()
    const fits = unitBytes !== undefined && unitBytes <= maxBytes
    this.#unitBytes = fits ? unitBytes : undefined
    this.#mostBytes = fits ? maxBytes - (maxBytes % unitBytes) : maxBytes
  }
}
