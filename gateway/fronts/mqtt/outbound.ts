import type { Writable } from 'node:stream'

/**
 * The way out to one client. The broker's packets come in pieces, the front's own packets whole:
 * these go between the broker's packets, never into one.
 */
export class Outbound {
  readonly #socket: Writable
  readonly #boundary = new PacketBoundary()
  #waiting: Buffer[] = []
  #waitingBytes = 0

  constructor(socket: Writable) {
    this.#socket = socket
  }

  /** Bytes that the client has not taken. */
  get bytes(): number {
    return this.#socket.writableLength + this.#waitingBytes
  }

  /** Whole packets of the front's own. */
  send(packets: Buffer): void {
    if (this.#boundary.inside) {
      this.#waiting.push(packets)
      this.#waitingBytes += packets.length
    } else if (this.#socket.writable) {
      this.#socket.write(packets)
    }
  }

  /** The next bytes of the broker. */
  relay(chunks: readonly Buffer[]): void {
    if (!this.#socket.writable) return
    this.#socket.cork()
    for (const chunk of chunks) {
      this.#socket.write(chunk)
      this.#boundary.pass(chunk)
      if (!this.#boundary.inside && this.#waiting.length > 0) this.#sendWaiting()
    }
    this.#socket.uncork()
  }

  #sendWaiting(): void {
    for (const packets of this.#waiting) this.#socket.write(packets)
    this.#waiting = []
    this.#waitingBytes = 0
  }
}

/** Whether a stream of packets stands inside one, whatever the pieces it comes in. */
class PacketBoundary {
  /** Bytes of the body still to come. */
  #left = 0
  /** Bytes of the fixed header seen so far; 0 at a boundary and in a body. */
  #header = 0

  get inside(): boolean {
    return this.#left > 0 || this.#header > 0
  }

  pass(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#header === 0 && this.#left > 0) {
        const body = Math.min(this.#left, chunk.length - at)
        this.#left -= body
        at += body
      } else {
        this.#passHeader(chunk[at] as number)
        at += 1
      }
    }
  }

  #passHeader(byte: number): void {
    if (this.#header > 0) {
      this.#left += (byte & 0x7f) * 128 ** (this.#header - 1)
      if (byte < 0x80) {
        this.#header = 0
        return
      }
    }
    this.#header += 1
  }
}
