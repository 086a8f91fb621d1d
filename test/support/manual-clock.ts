import type { Clock } from '../../shared/clock.ts'

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** Time that stands still until it is moved. Sleepers wake in order of their time. */
export class ManualClock implements Clock {
  #mono = 0
  #wall: number
  #sleepers: Sleeper[] = []

  constructor(wallMs = 1_700_000_000_000) {
    this.#wall = wallMs
  }

  wallMs(): number {
    return this.#wall
  }

  monoMs(): number {
    return this.#mono
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const sleeper = { at: this.#mono + ms, wake: () => done() }
      const done = () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      signal?.addEventListener('abort', done)
      this.#sleepers.push(sleeper)
    })
  }

  get sleeping(): number {
    return this.#sleepers.length
  }

  /**
   * Waits until so many sleep. Who was woken and does work that takes real time, on a disk or on the
   * network, has then done it.
   */
  async asleep(count: number): Promise<void> {
    const end = Date.now() + 30_000
    while (this.sleeping < count) {
      if (Date.now() > end) throw new Error(`${this.sleeping} of ${count} sleep after 30 s`)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  /** Moves both clocks on, waking sleepers on the way, and lets all that they start settle. */
  async advance(ms: number): Promise<void> {
    const end = this.#mono + ms
    await settle()
    for (;;) {
      const next = this.#sleepers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#step(Math.max(next.at, this.#mono))
      next.wake()
      await settle()
    }
    this.#step(end)
    await settle()
  }

  /** The wall clock alone jumps, as when the time is learnt. */
  jumpWall(toMs: number): void {
    this.#wall = toMs
  }

  #step(mono: number): void {
    this.#wall += mono - this.#mono
    this.#mono = mono
  }
}

/** Lets promise chains and immediate callbacks run until they rest. */
export async function settle(turns = 5): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}
