import { type Packet, parser } from 'mqtt-packet'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { MqttLimits } from './mqtt-limits.ts'

/** `bytes` are those of the whole packet. */
export type OnPacket = (packet: Packet, bytes: Buffer) => void

/** Fixed header of a CONNECT, the only packet a connection may begin with. */
const connectHeader = 0x10
const publishType = 3

export type PacketLimits = Pick<MqttLimits, 'packetBytes' | 'controlBytes'>

/** The first packet's room; it grows with the bytes that come, never by what the header claims. */
const firstRoomBytes = 1024

/**
 * Packets out of the bytes of one socket. The length that a packet announces is judged before its
 * bytes come, and mqtt-packet sees whole packets only, one at a time: it would read a short packet's
 * missing fields out of the next one, and keep an object for each of the segments of a long one.
 */
export class InboundParser {
  readonly #parser = parser()
  readonly #onPacket: OnPacket
  #parsed: Packet | undefined
  /** `held`: the CONNECT waits for its answer, and what came after it waits too. */
  #state: 'greeting' | 'held' | 'open' | 'closed' = 'greeting'
  readonly #limits: PacketLimits
  /** What has come of a packet that is not complete, in a buffer that may be longer. */
  #partial = Buffer.alloc(0)
  #partialBytes = 0
  #held = Buffer.alloc(0)

  constructor(limits: PacketLimits, onPacket: OnPacket) {
    this.#limits = limits
    this.#onPacket = onPacket
    this.#parser.on('packet', (packet) => {
      this.#parsed = packet
    })
    this.#parser.on('error', (cause) => {
      throw cause
    })
  }

  /** Bytes of a packet that has not come to its end. */
  get partialBytes(): number {
    return this.#partialBytes
  }

  /**
   * Calls `onPacket` for each packet that is complete now; after the CONNECT what is left waits for
   * `open`. Throws `invalid` or `too_large`; then the connection is of no more use.
   */
  push(chunk: Buffer): void {
    let at = this.#partialBytes > 0 ? this.#complete(chunk) : 0
    while (at < chunk.length && this.#parsing) {
      const length = this.#packetBytes(chunk, at, chunk.length)
      if (length === 0 || at + length > chunk.length) {
        this.#keep(chunk, at, chunk.length)
        return
      }
      this.#parse(chunk.subarray(at, at + length))
      at += length
    }
    if (this.#state === 'held') this.#held = Buffer.concat([this.#held, chunk.subarray(at)])
  }

  /** The CONNECT is answered: from now on any packet, first those that wait. */
  open(): void {
    const held = this.#held
    this.#held = Buffer.alloc(0)
    this.#state = 'open'
    this.push(held)
  }

  /** Drops what is held, and whatever of this chunk has not been parsed. */
  close(): void {
    this.#state = 'closed'
    this.#held = Buffer.alloc(0)
    this.#partial = Buffer.alloc(0)
    this.#partialBytes = 0
  }

  get #parsing(): boolean {
    return this.#state === 'greeting' || this.#state === 'open'
  }

  /** Appends to the unfinished packet; returns how much of the chunk was its. */
  #complete(chunk: Buffer): number {
    let at = 0
    let total = this.#packetBytes(this.#partial, 0, this.#partialBytes)
    while (total === 0 && at < chunk.length) {
      this.#keep(chunk, at, at + 1)
      at += 1
      total = this.#packetBytes(this.#partial, 0, this.#partialBytes)
    }
    if (total === 0) return at
    const end = Math.min(chunk.length, at + total - this.#partialBytes)
    this.#keep(chunk, at, end)
    if (this.#partialBytes < total) return end
    const packet = this.#partial.subarray(0, total)
    this.#partial = Buffer.alloc(0)
    this.#partialBytes = 0
    this.#parse(packet)
    return end
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    const needed = this.#partialBytes + to - from
    if (needed > this.#partial.length) {
      const room = Math.max(needed, this.#partial.length * 2, firstRoomBytes)
      const grown = Buffer.allocUnsafe(room)
      this.#partial.copy(grown, 0, 0, this.#partialBytes)
      this.#partial = grown
    }
    chunk.copy(this.#partial, this.#partialBytes, from, to)
    this.#partialBytes = needed
  }

  /** Length of the packet that begins at `at`, its header included; 0 when that is not known yet. */
  #packetBytes(bytes: Buffer, at: number, end: number): number {
    if (this.#state === 'greeting' && bytes[at] !== connectHeader) {
      throw new HeadwaterError('invalid', 'the first packet must be CONNECT')
    }
    let remaining = 0
    for (let i = 0; at + 1 + i < end; i++) {
      if (i === 4)
        throw new HeadwaterError('invalid', 'the length of a packet takes 4 bytes at most')
      const byte = bytes[at + 1 + i] as number
      remaining += (byte & 0x7f) * 128 ** i
      if (byte < 0x80) {
        const total = remaining + i + 2
        this.#requireRoom(bytes[at] as number, total)
        return total
      }
    }
    return 0
  }

  #requireRoom(header: number, bytes: number): void {
    const { packetBytes, controlBytes } = this.#limits
    const limit = header >> 4 === publishType ? packetBytes : controlBytes
    if (bytes <= limit) return
    throw new HeadwaterError('too_large', `a packet of ${bytes} bytes, the limit is ${limit}`)
  }

  #parse(bytes: Buffer): void {
    this.#parsed = undefined
    try {
      this.#parser.parse(bytes)
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new HeadwaterError('invalid', `malformed packet: ${message}`, { cause })
    }
    const packet: Packet | undefined = this.#parsed
    if (!packet) throw new HeadwaterError('invalid', 'malformed packet: it ends too early')
    if (this.#state === 'greeting') this.#state = 'held'
    this.#onPacket(packet, bytes)
  }
}
