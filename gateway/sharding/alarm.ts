import type { Clock } from '../../shared/clock.ts'

/** Wakes its owner at one time, the earliest it was set to. */
export class Alarm {
  readonly #clock: Clock
  readonly #wake: () => void
  #armed: { readonly atMs: number; readonly cancel: AbortController } | undefined

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock
    this.#wake = wake
  }

  /** `atMs` is on the monotonic clock. A later time than the one set already changes nothing. */
  set(atMs: number): void {
    if (this.#armed && this.#armed.atMs <= atMs) return
    this.cancel()
    const armed = { atMs, cancel: new AbortController() }
    this.#armed = armed
    void this.#ring(armed)
  }

  cancel(): void {
    this.#armed?.cancel.abort()
    this.#armed = undefined
  }

  async #ring(armed: { readonly atMs: number; readonly cancel: AbortController }): Promise<void> {
    await this.#clock.sleep(armed.atMs - this.#clock.monoMs(), armed.cancel.signal)
    if (this.#armed !== armed) return
    this.#armed = undefined
    this.#wake()
  }
}
