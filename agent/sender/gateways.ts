import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import type { StoredFrame } from '../buffer/buffer.ts'
import type { Transport } from './transports/transport.ts'

/** Transport failures in a row after which a gateway that has answered is left for the next. */
const failuresBeforeMove = 3

/** How long another gateway is used before the first is tried again; twice as long each time in vain. */
const returnMs = { first: 300_000, longest: 3_600_000 } as const

/**
 * Several gateways that share one engine, as one transport: the first is used while it works, else
 * the next. One that has not answered yet has a single chance, so that in an outage all are tried
 * soon. Failures of batches that were in flight together count as one. The first, when it is tried
 * again, must not only answer but take records of this device.
 */
export class Gateways implements Transport {
  readonly #transports: readonly [Transport, ...Transport[]]
  readonly #clock: Clock
  readonly #log: Log
  #at = 0
  #movedAtMs = 0
  #returnAfterMs: number = returnMs.first
  /** In a row; starts over with each Ack. */
  #failures = 0
  /** The first gateway is being tried again: it has one chance, then we go back to this one. */
  #backTo: number | undefined

  constructor(
    transports: readonly [Transport, ...Transport[]],
    { clock, log }: { readonly clock: Clock; readonly log: Log }
  ) {
    this.#transports = transports
    this.#clock = clock
    this.#log = log
  }

  /** The gateway in use. */
  get name(): string {
    return this.#current.name
  }

  async send(frame: StoredFrame, signal: AbortSignal): Promise<Ack> {
    // Nothing is awaited before the transport is called, so the order of the calls is kept.
    const usedMs = this.#clock.monoMs() - this.#movedAtMs
    if (this.#at !== 0 && usedMs >= this.#returnAfterMs) this.#tryFirst()
    const transport = this.#current
    const failures = this.#failures
    try {
      const ack = await transport.send(frame, signal)
      if (transport === this.#current) this.#answered(ack)
      return ack
    } catch (thrown) {
      const error = this.#failureOf(thrown)
      const news = transport === this.#current && failures === this.#failures
      if (news && error.retryable && !signal.aborted) this.#failed()
      throw error
    }
  }

  bytesMoved(): number {
    return this.#transports.reduce((sum, transport) => sum + transport.bytesMoved(), 0)
  }

  connections(): number {
    return this.#transports.reduce((sum, transport) => sum + transport.connections(), 0)
  }

  async reset(): Promise<void> {
    await this.#current.reset()
  }

  async close(): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()))
  }

  get #current(): Transport {
    return this.#transports[this.#at] ?? this.#transports[0]
  }

  #failed(): void {
    this.#failures += 1
    if (this.#backTo !== undefined) {
      this.#returnAfterMs = Math.min(2 * this.#returnAfterMs, returnMs.longest)
      this.#move(this.#backTo)
      this.#failures = 0
    } else if (this.#failures >= failuresBeforeMove && this.#transports.length > 1) {
      this.#move((this.#at + 1) % this.#transports.length)
    }
  }

  /** Where another gateway works, a refusal by the first is no more than a failure of that one. */
  #failureOf(thrown: unknown): HeadwaterError {
    const error = asHeadwaterError(thrown, 'transport')
    if (this.#backTo === undefined || error.code !== 'unauthorized') return error
    return new HeadwaterError('transport', error.message, { cause: error })
  }

  /** Throws `transport` when the first gateway is tried again and takes nothing. */
  #answered({ code, message = code }: Ack): void {
    if (this.#backTo !== undefined && (code === 'unauthorized' || code === 'unavailable')) {
      throw new HeadwaterError('transport', `${this.name} is left again: ${message}`)
    }
    this.#failures = 0
    this.#backTo = undefined
    if (this.#at === 0) this.#returnAfterMs = returnMs.first
  }

  #tryFirst(): void {
    const from = this.#at
    this.#move(0)
    this.#backTo = from
  }

  /** What is still pending on the gateway that is left fails, and is sent again to the new one. */
  #move(to: number): void {
    const left = this.#current
    this.#at = to
    this.#movedAtMs = this.#clock.monoMs()
    // One chance, until it answers.
    this.#failures = failuresBeforeMove - 1
    this.#backTo = undefined
    this.#log.info({ from: left.name, to: this.#current.name }, 'changing the gateway')
    left.reset().catch((error: unknown) => {
      this.#log.warn({ error, gateway: left.name }, 'the connection left behind does not close')
    })
  }
}
