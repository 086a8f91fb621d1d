import { Duplex } from 'node:stream'
import type { TopicRules } from './topic-rules.ts'

export interface InterceptorOptions {
  readonly device: string | undefined
  readonly rules: TopicRules
  readonly maxSubscriptions: number
  /** The broker's packets after its CONNACK, in pieces. */
  readonly onBytes: (chunks: readonly Buffer[]) => void
  /** The broker takes nothing more for now, or again. */
  readonly onFull: (full: boolean) => void
  /** Whether more may be written to the client; asked before each message to it. */
  readonly mayWrite: () => boolean
  /** The broker is done with this client, or never took it. */
  readonly onClosed: () => void
}

/** CONNACK of MQTT 3.1.1: four bytes, the last one 0 when the client was accepted. */
const connackBytes = 4

/**
 * What the broker takes for the socket of one client. The client's own CONNECT was answered by the
 * front, so the broker's CONNACK ends here, and what is to follow its CONNECT waits for it.
 */
export class Interceptor extends Duplex {
  readonly #options: InterceptorOptions
  readonly #subscriptions = new Set<string>()
  #connack = Buffer.alloc(0)
  #waiting: Buffer[] = []
  #isSilent = false

  constructor(options: InterceptorOptions) {
    super({ allowHalfOpen: false })
    this.#options = options
  }

  /** The first packet, the CONNECT as the broker shall see it. */
  begin(connect: Buffer): void {
    this.push(connect)
  }

  /** One whole packet of the client. */
  forward(packet: Buffer): void {
    if (this.#connack.length === connackBytes) {
      this.#options.onFull(!this.push(packet))
    } else {
      this.#waiting.push(packet)
      this.#options.onFull(true)
    }
  }

  /** Whether the client may have this subscription; counts it. */
  subscribe(filter: string): boolean {
    const { rules, device, maxSubscriptions } = this.#options
    if (this.#subscriptions.has(filter)) return true
    if (this.#subscriptions.size >= maxSubscriptions) return false
    if (!rules.maySubscribe(filter, device)) return false
    this.#subscriptions.add(filter)
    return true
  }

  unsubscribe(filters: readonly string[]): void {
    for (const filter of filters) this.#subscriptions.delete(filter)
  }

  /** From now on nothing is published for this client, see `isSilent`. */
  silence(): void {
    this.#isSilent = true
  }

  get isSilent(): boolean {
    return this.#isSilent
  }

  mayDeliver(topic: string): boolean {
    return this.#options.rules.mayDeliver(topic) && this.#options.mayWrite()
  }

  override _read(): void {
    if (this.#connack.length === connackBytes) this.#options.onFull(false)
  }

  /**
   * Never holds the broker back: while one client is waited for, aedes lets the messages to all
   * others pile up. `mayWrite` ends a client that does not read.
   */
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#write([chunk])
    done()
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error) => void
  ): void {
    this.#write(chunks.map(({ chunk }) => chunk))
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#waiting = []
    this.#options.onClosed()
    done(error)
  }

  #write(chunks: readonly Buffer[]): void {
    const missing = connackBytes - this.#connack.length
    if (missing <= 0) return this.#options.onBytes(chunks)
    const bytes = Buffer.concat(chunks)
    this.#connack = Buffer.concat([this.#connack, bytes.subarray(0, missing)])
    if (this.#connack.length < connackBytes) return
    if (this.#connack[3] !== 0) {
      this.destroy()
      return
    }
    for (const packet of this.#waiting) this.push(packet)
    this.#waiting = []
    this.#options.onFull(this.readableLength > this.readableHighWaterMark)
    if (bytes.length > missing) this.#options.onBytes([bytes.subarray(missing)])
  }
}
