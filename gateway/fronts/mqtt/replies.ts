/** The place of one reply in the order in which the messages came. */
export interface Reply {
  /** `bytes` absent: there is nothing to say. Once only. */
  settle(bytes?: Buffer): void
}

interface Slot {
  bytes: Buffer | undefined
  settled: boolean
}

/**
 * Replies leave in the order in which their messages came ([MQTT-4.6.0-2]), those that are ready
 * together in one write.
 */
export class Replies {
  readonly #write: (bytes: Buffer) => void
  readonly #slots: Slot[] = []
  #idle: (() => void)[] = []

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  get pending(): number {
    return this.#slots.length
  }

  open(): Reply {
    const slot: Slot = { bytes: undefined, settled: false }
    this.#slots.push(slot)
    return {
      settle: (bytes) => {
        slot.bytes = bytes
        slot.settled = true
        if (this.#slots[0] === slot) this.#flush()
      }
    }
  }

  /** Calls `then` when no reply is owed. */
  whenIdle(then: () => void): void {
    if (this.#slots.length === 0) then()
    else this.#idle.push(then)
  }

  #flush(): void {
    let settled = this.#slots.findIndex((slot) => !slot.settled)
    if (settled === -1) settled = this.#slots.length
    const ready: Buffer[] = []
    for (const { bytes } of this.#slots.splice(0, settled)) if (bytes) ready.push(bytes)
    if (ready.length > 0) this.#write(Buffer.concat(ready))
    if (this.#slots.length > 0) return
    const idle = this.#idle
    this.#idle = []
    for (const then of idle) then()
  }
}
