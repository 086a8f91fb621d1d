import type { StoredFrame } from '../../agent/buffer/buffer.ts'
import type { Transport } from '../../agent/sender/transports/transport.ts'
import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { Random } from '../../shared/random.ts'
import type { Ack } from '../../shared/wire/ack.ts'

/** How long a link is up and down on average, milliseconds; the times are spread exponentially. */
export interface Flapping {
  readonly upMs: number
  readonly downMs: number
}

export interface FlappingContext {
  readonly clock: Clock
  readonly random: Random
}

/** A bad mobile link: it cuts the connection with whatever is under way, and for a while gives none. */
export class FlappingLink implements Transport {
  readonly name: string
  readonly #transport: Transport
  #down = false
  cuts = 0

  constructor(transport: Transport) {
    this.name = transport.name
    this.#transport = transport
  }

  /** Goes down and up until `signal` aborts; then it is up. */
  async flap(
    { upMs, downMs }: Flapping,
    { clock, random }: FlappingContext,
    signal: AbortSignal
  ): Promise<void> {
    const spread = (meanMs: number) => -Math.log(1 - random.fraction()) * meanMs
    while (!signal.aborted) {
      await clock.sleep(spread(upMs), signal)
      if (signal.aborted) break
      this.#down = true
      this.cuts += 1
      await this.#transport.reset()
      await clock.sleep(spread(downMs), signal)
      this.#down = false
    }
  }

  send(frame: StoredFrame, signal: AbortSignal): Promise<Ack> {
    if (!this.#down) return this.#transport.send(frame, signal)
    return Promise.reject(new HeadwaterError('transport', `no network to ${this.name}`))
  }

  bytesMoved(): number {
    return this.#transport.bytesMoved()
  }

  connections(): number {
    return this.#transport.connections()
  }

  reset(): Promise<void> {
    return this.#transport.reset()
  }

  close(): Promise<void> {
    return this.#transport.close()
  }
}
