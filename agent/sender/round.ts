import type { Piece } from './frame-reader.ts'
import type { Share } from './share.ts'
import type { StreamLane } from './stream-lane.ts'

/** A piece that may leave, and its lane. */
export interface Candidate {
  readonly lane: StreamLane
  readonly piece: Piece
}

export interface RoundOptions {
  readonly live: readonly StreamLane[]
  readonly others: readonly StreamLane[]
  readonly share: Share
  /** What of a lane may leave now, if there is something. */
  readonly peek: (lane: StreamLane) => Promise<Piece | undefined>
}

/** One passage over all lanes: each has its turn until it has nothing more to send. */
export class Round {
  readonly #options: RoundOptions
  readonly #live: StreamLane[]
  readonly #others: StreamLane[]

  constructor(options: RoundOptions) {
    this.#options = options
    this.#live = [...options.live]
    this.#others = [...options.others]
  }

  /** What is to leave next; undefined at the end. Says the same until it is `taken`. */
  async next(): Promise<Candidate | undefined> {
    const { share } = this.#options
    if (this.#live.length === 0) return this.#first(this.#others)
    const [first, second] = share.liveFirst
      ? [this.#live, this.#others]
      : [this.#others, this.#live]
    const found = await this.#first(first)
    if (found) return found
    share.reset()
    return this.#first(second)
  }

  taken({ lane, piece }: Candidate): void {
    const { live, share } = this.#options
    if (live.length > 0) share.spend(piece.frame.body.length, live.includes(lane))
  }

  async #first(lanes: StreamLane[]): Promise<Candidate | undefined> {
    for (let [lane] = lanes; lane; [lane] = lanes) {
      const piece = await this.#options.peek(lane)
      if (piece) return { lane, piece }
      lanes.shift()
    }
    return undefined
  }
}
