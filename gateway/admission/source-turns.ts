/** A batch with identity that wants to be taken. */
export interface Turn {
  /** Sequence numbers of its first and last record. */
  readonly first: number
  readonly last: number
  /** Last sequence number of the batch before it; 0 when there was none. */
  readonly prev: number
  /** What is below is final on the sender's side. */
  readonly floor: number
  readonly bytes: number
  /**
   * Hands on the records from sequence number `from` on, synchronously; the promise is the moment
   * they are durable. When it throws, nothing was taken.
   */
  take(from: number): Promise<void>
}

/** A batch all of whose records are durable. */
export interface Settled {
  /** Highest sequence number below which all is settled. */
  readonly through: number
  /** Its records that had been taken before. */
  readonly repeats: number
}

/** Records that were handed on and are not durable yet. */
interface Flight {
  readonly first: number
  readonly last: number
  readonly durable: Promise<void>
  landed: boolean
}

/**
 * Order and repeats of one source: what was taken, which is one rising number because batches are
 * taken in turn, and what of it is still on its way.
 */
export class SourceTurns {
  #taken = 0
  #through = 0
  #lost = false
  readonly #flights: Flight[] = []

  /** Whether nothing is on its way. */
  get idle(): boolean {
    return this.#flights.length === 0
  }

  /** Whether records were handed on that will never be known to be durable; nothing here holds then. */
  get lost(): boolean {
    return this.#lost
  }

  /**
   * Takes the batch, or what of it is new, when it is in turn: the batch before it was taken or is
   * final. A repeat settles with what it repeats. Undefined when it is early. Throws what
   * `turn.take` throws.
   */
  tryTake(turn: Turn): Promise<Settled> | undefined {
    if (turn.last > this.#taken) {
      if (turn.prev > this.#taken && turn.prev >= turn.floor) return undefined
      const from = Math.max(turn.first, this.#taken + 1)
      const durable = turn.take(from)
      this.#taken = turn.last
      this.#fly(from, turn.last, durable)
      return this.#settled(turn, from - turn.first)
    }
    return this.#settled(turn, turn.last - turn.first + 1)
  }

  #fly(first: number, last: number, durable: Promise<void>): void {
    const flight: Flight = {
      first,
      last,
      landed: false,
      durable: durable.then(
        () => {
          flight.landed = true
          this.#land()
        },
        (error: unknown) => {
          this.#lost = true
          throw error
        }
      )
    }
    // Several may be rejected at once, and a batch that waits for more than one hears of the first.
    flight.durable.catch(() => {})
    this.#flights.push(flight)
  }

  /** Shards settle in any order; `through` moves only over what is settled from the front. */
  #land(): void {
    for (let front = this.#flights[0]; front?.landed; front = this.#flights[0]) {
      this.#through = front.last
      this.#flights.shift()
    }
  }

  async #settled(turn: Turn, repeats: number): Promise<Settled> {
    const flights = this.#flights.filter((one) => one.last >= turn.first && one.first <= turn.last)
    for (const flight of flights) await flight.durable
    return { through: this.#through, repeats }
  }
}
