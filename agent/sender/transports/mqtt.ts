import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { type Ack, decodeAckCbor, decodeAckJson } from '../../../shared/wire/ack.ts'
import { batchTopic, jsonBatchTopic } from '../../../shared/wire/topics.ts'
import type { StoredFrame } from '../../buffer/buffer.ts'
import { InOrder } from './in-order.ts'
import { MqttConnection } from './mqtt-connection.ts'
import { payloadOf } from './payload.ts'
import { SocketMeter } from './socket-meter.ts'
import type { Transport, TransportOptions } from './transport.ts'

/** From the first attempt to connect until the connection is lost, with all that waited on it. */
interface Life {
  readonly connection: Promise<MqttConnection>
  readonly end: AbortController
  watched: boolean
}

interface Pending {
  readonly resolve: (ack: Ack) => void
  readonly reject: (error: HeadwaterError) => void
}

/**
 * Batches as QoS 1 messages, answered by Acks on the device's own topic. Every connection is a new
 * one with a clean session, so the broker owes us nothing and we owe it nothing.
 */
export class MqttTransport implements Transport {
  readonly name: string
  readonly #options: TransportOptions
  readonly #clock: Clock
  readonly #inOrder = new InOrder()
  readonly #meter = new SocketMeter()
  /** What was published on this life and has no Ack yet, oldest first. Bounded by the window. */
  readonly #pending = new Map<string, Pending>()
  #life: Life | undefined
  /** When the last Ack came, or when the oldest pending batch began to wait for the first. */
  #quietSinceMs = 0

  constructor(options: TransportOptions, clock: Clock) {
    this.name = `${options.url.protocol}//${options.url.host}`
    this.#options = options
    this.#clock = clock
  }

  async send(frame: StoredFrame, signal: AbortSignal): Promise<Ack> {
    this.#life ??= this.#begin()
    const life = this.#life
    const ready = Promise.all([life.connection, payloadOf(frame, this.#options)])
    const { went } = await this.#inOrder.pass(ready, ([connection, payload]) => {
      if (this.#life !== life || signal.aborted) return Promise.reject(this.#gone())
      const ack = this.#expect(frame, life, signal)
      connection.publish(this.#topic(frame.header.stream), payload.bytes)
      return ack
    })
    return went
  }

  bytesMoved(): number {
    return this.#meter.bytes
  }

  connections(): number {
    return this.#meter.sockets
  }

  async reset(): Promise<void> {
    if (this.#life) this.#lose(this.#life, 'the connection was reset')
  }

  async close(): Promise<void> {
    await this.reset()
  }

  #begin(): Life {
    const end = new AbortController()
    const events = {
      socket: this.#meter.watch.bind(this.#meter),
      ack: (payload: Buffer) => this.#acked(payload),
      closed: () => this.#lose(life, 'the connection was lost')
    }
    const connection = MqttConnection.open(this.#options, events, end.signal)
    const life: Life = { connection, end, watched: false }
    connection.catch(() => this.#lose(life, 'the connection was refused'))
    return life
  }

  #lose(life: Life, reason: string): void {
    if (this.#life !== life) return
    this.#life = undefined
    life.end.abort()
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const one of pending) one.reject(this.#gone(reason))
  }

  #gone(reason = 'the connection was lost'): HeadwaterError {
    return new HeadwaterError('transport', `${this.name}: ${reason}`)
  }

  #topic(stream: string): string {
    const { format, device } = this.#options
    return format === 'cbor' ? batchTopic(device) : jsonBatchTopic(device, stream)
  }

  #expect(frame: StoredFrame, life: Life, signal: AbortSignal): Promise<Ack> {
    return new Promise((resolve, reject) => {
      const key = keyOf(frame.header)
      const abort = (): void => this.#pending.get(key)?.reject(this.#gone('the wait was ended'))
      const settle = (): void => {
        signal.removeEventListener('abort', abort)
        this.#pending.delete(key)
      }
      signal.addEventListener('abort', abort)
      this.#pending.set(key, {
        resolve: (ack) => {
          settle()
          resolve(ack)
        },
        reject: (error) => {
          settle()
          reject(error)
        }
      })
      if (this.#pending.size === 1) this.#quietSinceMs = this.#clock.monoMs()
      if (!life.watched) void this.#watch(life)
    })
  }

  #acked(payload: Buffer): void {
    let ack: Ack
    try {
      ack =
        this.#options.format === 'cbor' ? decodeAckCbor(payload) : decodeAckJson(payload.toString())
    } catch {
      return // Not an Ack, so the batch still waits for one.
    }
    const pending = this.#pending.get(keyOf(ack))
    if (!pending) return
    this.#quietSinceMs = this.#clock.monoMs()
    pending.resolve(ack)
  }

  /** Ends the life when batches are pending and no Ack comes for `timeoutMs`. */
  async #watch(life: Life): Promise<void> {
    const { timeoutMs } = this.#options
    life.watched = true
    while (this.#life === life && this.#pending.size > 0) {
      const leftMs = this.#quietSinceMs + timeoutMs - this.#clock.monoMs()
      if (leftMs <= 0) return this.#lose(life, `no Ack within ${timeoutMs} ms`)
      await this.#clock.sleep(leftMs, life.end.signal)
    }
    life.watched = false
  }
}

/** What an Ack must name to answer a batch. */
function keyOf(named: { epoch: string; stream: string; first: number; count: number }): string {
  return `${named.epoch} ${named.stream} ${named.first} ${named.count}`
}
