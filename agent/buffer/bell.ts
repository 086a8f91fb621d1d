/**
 * Says that something happened, for one listener: what rings between two waits is not missed.
 */
export class Bell {
  #rung = false
  #listeners = new Set<() => void>()

  ring(): void {
    this.#rung = true
    for (const listener of this.#listeners) listener()
  }

  /** Resolves when it has rung since the last wait ended, or when `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#listeners.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        this.#listeners.add(done)
        signal.addEventListener('abort', done)
      })
    }
    this.#rung = false
  }
}
