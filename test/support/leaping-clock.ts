import { systemClock, type Clock } from '../../shared/clock.ts'

interface Sleeper {
  readonly atMs: number
  readonly wake: () => void
}

/** The machine's time, which a test can make leap ahead: sleepers whose time has come then wake. */
export class LeapingClock implements Clock {
  readonly #wallFromMs: number
  readonly #sleepers = new Set<Sleeper>()
  readonly #startMs = systemClock.monoMs()
  #leaptMs = 0

  /** The wall clock begins at this time, whatever that of the machine shows. */
  constructor(wallMs: number) {
    this.#wallFromMs = wallMs
  }

  monoMs(): number {
    return systemClock.monoMs() - this.#startMs + this.#leaptMs
  }

  wallMs(): number {
    return Math.floor(this.#wallFromMs + this.monoMs())
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const early = new AbortController()
    const abort = (): void => early.abort()
    const sleeper = { atMs: this.monoMs() + ms, wake: abort }
    if (signal?.aborted) return
    signal?.addEventListener('abort', abort)
    this.#sleepers.add(sleeper)
    await systemClock.sleep(ms, early.signal)
    this.#sleepers.delete(sleeper)
    signal?.removeEventListener('abort', abort)
  }

  leap(ms: number): void {
    this.#leaptMs += ms
    for (const { atMs, wake } of this.#sleepers) if (atMs <= this.monoMs()) wake()
  }
}
