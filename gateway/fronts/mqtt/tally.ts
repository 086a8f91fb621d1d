import type { CloseReason } from './keepalive.ts'

/** Counters of the front. */
export class Tally {
  readonly #closed = new Map<CloseReason, number>()
  /** Connections that were ever accepted, and those that were not because there were too many. */
  accepted = 0
  turnedAway = 0
  /** PUBLISH packets of clients, and batches of agents among them. */
  messages = 0
  batches = 0
  /** Messages without an acknowledgement, QoS 0 and wills, that did not become durable. */
  droppedQos0 = 0

  close(reason: CloseReason): void {
    this.#closed.set(reason, (this.#closed.get(reason) ?? 0) + 1)
  }

  get closed(): Readonly<Partial<Record<CloseReason, number>>> {
    return Object.fromEntries(this.#closed)
  }
}
