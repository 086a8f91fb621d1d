import type { StoredFrame } from '../buffer/buffer.ts'
import type { Transport } from '../sender/transports/transport.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import { type Traffic, wireBytes } from './wire-bytes.ts'

/** Told of what a transport does. */
export interface TrafficCounter {
  /** So many bytes more went over the link, headers and all. */
  moved(bytes: number): void
  /** A batch had no Ack: the link may be another one now. */
  failed(): void
}

/** A transport whose traffic is counted, also when an attempt fails. */
export class CountedTransport implements Transport {
  readonly #transport: Transport
  readonly #counter: TrafficCounter
  #exchanges = 0
  #counted: Traffic = { bytes: 0, exchanges: 0, connections: 0 }
  #pendingBytes = 0

  constructor(transport: Transport, counter: TrafficCounter) {
    this.#transport = transport
    this.#counter = counter
  }

  get name(): string {
    return this.#transport.name
  }

  /** What the batches under way will have moved; some of it may be counted already. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  async send(frame: StoredFrame, signal: AbortSignal): Promise<Ack> {
    const bytes = wireBytes({ bytes: frame.body.length, exchanges: 1, connections: 0 }, this.#tls)
    this.#pendingBytes += bytes
    try {
      // Nothing is awaited before the transport is called, so the order of the calls is kept.
      return await this.#transport.send(frame, signal)
    } catch (error) {
      this.#counter.failed()
      throw error
    } finally {
      this.#pendingBytes -= bytes
      this.#exchanges += 1
      this.count()
    }
  }

  bytesMoved(): number {
    return this.#transport.bytesMoved()
  }

  connections(): number {
    return this.#transport.connections()
  }

  async reset(): Promise<void> {
    await this.#transport.reset()
    this.count()
  }

  async close(): Promise<void> {
    await this.#transport.close()
    this.count()
  }

  /** Reports what has moved since the last time. To be called once a minute. */
  count(): void {
    const last = this.#counted
    const bytes = this.bytesMoved()
    // What moves without a batch keeps the connection open: the pings of MQTT, one a minute.
    if (bytes > last.bytes && this.#exchanges === last.exchanges) this.#exchanges += 1
    const exchanges = this.#exchanges
    const connections = this.connections()
    this.#counted = { bytes, exchanges, connections }
    const news = {
      bytes: bytes - last.bytes,
      exchanges: exchanges - last.exchanges,
      connections: connections - last.connections
    }
    this.#counter.moved(wireBytes(news, this.#tls))
  }

  get #tls(): boolean {
    return this.name.startsWith('https:') || this.name.startsWith('mqtts:')
  }
}
