import type { Clock } from '../../shared/clock.ts'
import type { LaneStore } from '../buffer/buffer.ts'
import type { LaneBook } from './lane-book.ts'
import type { StreamLane } from './stream-lane.ts'

/** Which streams send the newest first, and how. */
export interface NewestFirst {
  readonly lanes: LaneStore
  /** What waits for longer is overtaken by the newest; undefined for a stream that is sent in order. */
  readonly backlogAfterMs: (stream: string) => number | undefined
  /** Part of the bytes for what is live while other records wait, too; between 0 and 1. */
  readonly liveShare: number
}

/** Shorter trouble is not worth a write. Milliseconds. */
const closeAfterMs = 5000

/** The two lanes of a stream that sends the newest first. */
export class NewestFirstLanes {
  readonly live: StreamLane
  readonly backlog: StreamLane
  readonly #book: LaneBook
  readonly #clock: Clock
  #troubledAtMs: number | undefined

  constructor(
    { live, backlog }: { readonly live: StreamLane; readonly backlog: StreamLane },
    book: LaneBook,
    clock: Clock
  ) {
    this.live = live
    this.backlog = backlog
    this.#book = book
    this.#clock = clock
  }

  /** Closes the live lane on disk while nothing leaves by it: `isIdle`, or it is in trouble itself. */
  async note(isIdle: boolean): Promise<void> {
    if (!isIdle && !this.live.troubled) {
      this.#troubledAtMs = undefined
      return
    }
    const nowMs = this.#clock.monoMs()
    this.#troubledAtMs ??= nowMs
    if (nowMs - this.#troubledAtMs < closeAfterMs) return
    try {
      await this.#book.close()
    } catch {
      // Tried again; until then a crash makes live what would be backlog. The buffer says what ails it.
      this.#troubledAtMs = nowMs
    }
  }
}
