import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Counters } from './counters.ts'
import type { Transport } from './transports/transport.ts'
import type { Window } from './window.ts'

export interface WatchdogOptions {
  readonly transport: Transport
  readonly window: Window
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  /** With batches in flight, bytes must move within this time. Milliseconds. */
  readonly stallMs: number
}

/** Drops a connection that is open but dead, which TCP alone notices after a quarter of an hour. */
export class Watchdog {
  readonly #options: WatchdogOptions

  constructor(options: WatchdogOptions) {
    this.#options = options
  }

  async run(signal: AbortSignal): Promise<void> {
    const { transport, window, clock, log, counters, stallMs } = this.#options
    let moved = transport.bytesMoved()
    let movedAtMs = clock.monoMs()
    for (;;) {
      await clock.sleep(stallMs / 4, signal)
      if (signal.aborted) return
      const now = clock.monoMs()
      if (window.frames === 0 || transport.bytesMoved() !== moved) {
        moved = transport.bytesMoved()
        movedAtMs = now
      } else if (now - movedAtMs >= stallMs) {
        log.warn({ gateway: transport.name, stallMs }, 'no bytes move, dropping the connection')
        counters.stalls += 1
        movedAtMs = now
        transport.reset().catch((error: unknown) => {
          log.warn({ error, gateway: transport.name }, 'the connection does not close')
        })
      }
    }
  }
}
