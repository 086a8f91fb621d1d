/** Divides what is sent between live lanes and all else, in bytes, while both have something. */
export class Share {
  readonly #live: number
  /** Above 0 the live lanes have had more than their share. */
  #balance = 0

  /** `live`: the part of the live lanes, between 0 and 1. */
  constructor(live: number) {
    this.#live = live
  }

  get liveFirst(): boolean {
    return this.#balance <= 0
  }

  spend(bytes: number, isLive: boolean): void {
    this.#balance += isLive ? bytes * (1 - this.#live) : -bytes * this.#live
  }

  /** Only one side has something, or the link comes back: the live lanes begin. */
  reset(): void {
    this.#balance = 0
  }
}
