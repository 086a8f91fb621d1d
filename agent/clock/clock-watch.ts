import type { Clock } from '../../shared/clock.ts'
import type { Component } from '../../shared/component.ts'
import type { Log } from '../../shared/log.ts'
import type { ClockState } from '../../shared/wire/batch.ts'
import type { DeviceTime } from './device-time.ts'
import { type Ask, askedSync, hardwareClockMs, timesyncdSync } from './evidence.ts'

export interface ClockWatchOptions {
  readonly time: DeviceTime
  readonly clock: Clock
  readonly log: Log
  readonly ask: Ask
  /** Where `run` and `sys` are. */
  readonly root?: string
}

/** How often the clock is looked at: so long a step may be overlooked while nothing is stored. */
const lookMs = 5000

/** How often programs are asked, while nothing or a hardware clock alone says that the clock is right. */
const askMs = { unsynced: 60_000, rtc: 600_000 } as const

/** A hardware clock counts whole seconds, and since the boot both have drifted. */
const hardwareTolerance = { ms: 1500, drift: 1e-4 }

/** Finds out, again and again, whether the wall clock is right; says so to the `DeviceTime`. */
export class ClockWatch implements Component {
  readonly name = 'clock'
  readonly #options: Required<ClockWatchOptions>
  readonly #ending = new AbortController()
  /** What the clock was last trusted for; after a step it takes something newer. */
  #believed: string | undefined
  #askedMs = Number.NEGATIVE_INFINITY
  #state: ClockState = 'unsynced'
  #running: Promise<void> | undefined

  constructor(options: ClockWatchOptions) {
    this.#options = { root: '/', ...options }
  }

  get time(): DeviceTime {
    return this.#options.time
  }

  /** Resolves when all is known that files say, so that the first records have it. */
  async start(): Promise<void> {
    if (this.#ending.signal.aborted) return
    await this.#look()
    this.#running ??= this.#run(this.#ending.signal)
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { time, clock, ask } = this.#options
    while (!signal.aborted) {
      await this.#look()
      const state = time.now().clock
      if (isDoubtful(state) && clock.monoMs() - this.#askedMs >= askMs[state]) {
        this.#askedMs = clock.monoMs()
        this.#believe(await askedSync(ask, signal))
      }
      this.#note()
      await clock.sleep(lookMs, signal)
    }
  }

  async #look(): Promise<void> {
    const { time, root } = this.#options
    if (isDoubtful(time.now().clock)) this.#believe(await timesyncdSync(root))
    if (time.now().clock !== 'unsynced') return
    const hardwareMs = await hardwareClockMs(root)
    const { wallMs, uptimeMs, clock } = time.now()
    if (hardwareMs === undefined || clock !== 'unsynced') return
    const { ms, drift } = hardwareTolerance
    if (Math.abs(hardwareMs - wallMs) <= ms + drift * uptimeMs) time.trust('rtc')
  }

  #believe(sync: string | undefined): void {
    if (sync === undefined || (sync === this.#believed && sync !== 'kernel')) return
    if (this.#options.time.trust('ntp')) this.#believed = sync
  }

  #note(): void {
    const { time, log } = this.#options
    const { clock: state } = time.now()
    if (state === this.#state) return
    log.info({ before: this.#state, state }, 'the worth of the wall clock has changed')
    this.#state = state
  }
}

function isDoubtful(state: ClockState): state is keyof typeof askMs {
  return state in askMs
}
