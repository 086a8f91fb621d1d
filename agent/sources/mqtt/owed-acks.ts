/** What of a QoS 1 message says who waits for its PUBACK. */
interface Delivery {
  readonly messageId: number
  /** The broker says that it sends this again. */
  readonly dup: boolean
}

/**
 * The PUBACKs that the broker is owed, over the connections of one session.
 *
 * A packet id is in use until its PUBACK was written, so a message that is sent again under an id
 * whose PUBACK never was is known to be the one that is here already. That holds only for the very
 * next connection, where a broker begins by sending again; later the id may stand for another.
 */
export class OwedAcks {
  /** Packet id of each record from the oldest that is not durable; 0 where nothing is owed. */
  #order: number[] = []
  /** By packet id the connection on which it came last. */
  readonly #cameOn = new Map<number, number>()
  /** Packet ids of what is durable and was not sent again yet. */
  readonly #durable = new Set<number>()
  #connection = 0

  /** A connection was accepted; `resumed`: the broker kept the session. */
  connected(resumed: boolean): void {
    this.#connection += 1
    if (resumed) return
    this.#order.fill(0)
    this.#cameOn.clear()
    this.#durable.clear()
  }

  /** A record is added whose message waits for no PUBACK. */
  addFree(): void {
    this.#order.push(0)
  }

  /**
   * What to do with a message that came: `new`: the next record is its own; `known`: it is on its
   * way already; `durable`: it is stored already, the PUBACK is due now.
   */
  add({ messageId, dup }: Delivery): 'new' | 'known' | 'durable' {
    const repeated = dup && this.#cameOn.get(messageId) === this.#connection - 1
    if (repeated && this.#durable.delete(messageId)) {
      this.#cameOn.delete(messageId)
      return 'durable'
    }
    const before = this.#cameOn.get(messageId) !== undefined
    this.#cameOn.set(messageId, this.#connection)
    if (repeated) return 'known'
    // The id stands for another message now: only what is durable of that one may free it.
    if (before) this.#order = this.#order.map((id) => (id === messageId ? 0 : id))
    this.#durable.delete(messageId)
    this.#order.push(messageId)
    return 'new'
  }

  /** The oldest `count` records are durable. Returns the ids to acknowledge on this connection. */
  settle(count: number, open: boolean): number[] {
    const due: number[] = []
    for (const id of this.#order.splice(0, count)) {
      if (id === 0) continue
      if (open && this.#cameOn.get(id) === this.#connection) {
        this.#cameOn.delete(id)
        due.push(id)
      } else {
        this.#durable.add(id)
      }
    }
    return due
  }
}
