import { aborted } from '../../shared/aborted.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Component } from '../../shared/component.ts'
import type { AckCode } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { FrameStore } from '../buffer/buffer.ts'
import { Bell } from './bell.ts'
import { Dispatcher } from './dispatcher.ts'
import type { NewestFirst } from './newest-first.ts'
import type { BackoffBounds } from './pause.ts'
import type { SendGate } from './send-gate.ts'
import type { Transport } from './transports/transport.ts'
import { Watchdog } from './watchdog.ts'
import type { WindowLimits } from './window.ts'

export const senderDefaults = {
  window: { frames: 8, bytes: 4 * 1024 * 1024 },
  stallMs: 60_000
} as const

export interface SenderOptions {
  readonly store: FrameStore
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Absent: all streams are sent in order. */
  readonly newestFirst?: NewestFirst
  /** In flight at once, over all streams. */
  readonly window?: WindowLimits
  /** Default: half a second, five minutes. */
  readonly backoff?: BackoffBounds
  /** With batches in flight and no byte moved for so long, the connection is dropped. Milliseconds. */
  readonly stallMs?: number
  /** What may keep streams back; absent: nothing does. */
  readonly gate?: SendGate
}

export interface SenderStats {
  /** All that left, repeats included; bytes as stored. */
  readonly sentRecords: number
  readonly sentBytes: number
  /** The gateway said that they are durable. */
  readonly ackedRecords: number
  /** Parked in the dead letters, by code. */
  readonly rejectedRecords: Readonly<Record<string, number>>
  readonly transportFailures: number
  /** Batches that were in flight and have to be sent again. */
  readonly retries: number
  /** Connections dropped by the watchdog. */
  readonly stalls: number
  readonly inFlightFrames: number
  readonly inFlightBytes: number
  /** The last attempt was answered by the gateway. */
  readonly connected: boolean
  /** Milliseconds; undefined before the first Ack. */
  readonly lastAckAgeMs: number | undefined
  /** The gateway refuses device or token; nothing is sent but a probe every few minutes. */
  readonly unauthorized: boolean
  /** Streams that the gateway refuses, with its reason. */
  readonly heldStreams: readonly { readonly stream: string; readonly code: AckCode }[]
}

/** After a defect the loop starts again. Milliseconds. */
const restartMs = 5_000

/** Takes frames out of the buffer and to the gateway, and lets go of them when the Ack says so. */
export class Sender implements Component {
  readonly name = 'sender'
  readonly #options: SenderOptions
  readonly #bell: Bell
  readonly #dispatcher: Dispatcher
  readonly #ending = new AbortController()
  readonly #idlers = new Set<() => void>()
  #listening = false
  #running: Promise<unknown> | undefined
  #stopped: Promise<void> | undefined

  constructor(options: SenderOptions) {
    this.#options = options
    this.#bell = new Bell(options.clock)
    const window = options.window ?? senderDefaults.window
    this.#dispatcher = new Dispatcher({ ...options, window, bell: this.#bell })
  }

  /** Does not wait for a connection: there may be none for days. */
  async start(): Promise<void> {
    if (this.#running || this.#stopped) return
    const { window, counters } = this.#dispatcher
    const stallMs = this.#options.stallMs ?? senderDefaults.stallMs
    const watchdog = new Watchdog({ ...this.#options, window, counters, stallMs })
    this.#running = Promise.all([this.#run(), watchdog.run(this.#ending.signal)])
  }

  /** Sends nothing new, waits for the Acks in flight until `deadline`, then closes the transport. */
  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline)
    return this.#stopped
  }

  /** Resolves when nothing is left in the buffer to settle, or when `signal` aborts, or at the stop. */
  idle(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!this.#empty && !signal.aborted && !this.#ending.signal.aborted) return
        this.#idlers.delete(check)
        signal.removeEventListener('abort', check)
        resolve()
      }
      this.#idlers.add(check)
      signal.addEventListener('abort', check)
      check()
    })
  }

  stats(): SenderStats {
    const { counters, window, link, heldStreams } = this.#dispatcher
    const { lastAckAtMs } = counters
    const acked = lastAckAtMs !== undefined
    return {
      sentRecords: counters.sentRecords,
      sentBytes: counters.sentBytes,
      ackedRecords: counters.ackedRecords,
      rejectedRecords: { ...counters.rejectedRecords },
      transportFailures: counters.transportFailures,
      retries: counters.retries,
      stalls: counters.stalls,
      inFlightFrames: window.frames,
      inFlightBytes: window.bytes,
      connected: acked && !link.probing,
      lastAckAgeMs: acked ? this.#options.clock.monoMs() - lastAckAtMs : undefined,
      unauthorized: link.unauthorized,
      heldStreams
    }
  }

  get #empty(): boolean {
    return this.#options.store.streams().length === 0 && this.#dispatcher.settled
  }

  async #run(): Promise<void> {
    for (;;) {
      try {
        await this.#loop()
        return
      } catch (error) {
        if (this.#ending.signal.aborted) return
        this.#options.log.error({ error }, 'the sender failed, starting it again')
        await this.#options.clock.sleep(restartMs, this.#ending.signal)
      }
    }
  }

  async #loop(): Promise<void> {
    const { signal } = this.#ending
    for (;;) {
      this.#dispatcher.advance()
      if (signal.aborted && this.#dispatcher.settled) return
      if (signal.aborted) {
        await this.#bell.wait(Number.POSITIVE_INFINITY)
        continue
      }
      // Asked before and after: the filling saw a pause that ends meanwhile, and may begin one.
      const waitMs = this.#dispatcher.waitMs
      // Before the buffer is read, so that what is appended meanwhile is not overlooked.
      if (!this.#listening) void this.#listen(signal)
      await this.#dispatcher.fill(signal)
      for (const check of this.#idlers) check()
      await this.#bell.wait(Math.min(waitMs, this.#dispatcher.waitMs))
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    this.#listening = true
    try {
      await this.#options.store.changed(signal)
      this.#bell.ring()
    } catch (error) {
      this.#options.log.error({ error }, 'the buffer does not say when it changes')
    }
    this.#listening = false
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    this.#ending.abort()
    this.#bell.ring()
    for (const check of this.#idlers) check()
    void aborted(deadline).then(() => this.#dispatcher.abandon())
    // Also after the deadline: what it still writes of the lanes is what the next sender begins with.
    await this.#running
    await this.#options.transport.close()
  }
}
