/** Less than this would silence a device for ever. Bytes per second. */
const slowest = 1024

/** Keeps to the pace that the gateway asks for. What was sent is paid for before the next is. */
export class Pacer {
  #bytesPerSecond: number | undefined
  #freeAtMs = 0

  /** Undefined: no pace. */
  set(bytesPerSecond: number | undefined): void {
    this.#bytesPerSecond =
      bytesPerSecond === undefined ? undefined : Math.max(slowest, bytesPerSecond)
  }

  spend(bytes: number, nowMs: number): void {
    if (this.#bytesPerSecond === undefined) return
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (bytes / this.#bytesPerSecond) * 1000
  }

  /** Milliseconds until the next batch may leave; 0: now. */
  waitMs(nowMs: number): number {
    return this.#bytesPerSecond === undefined ? 0 : Math.max(0, this.#freeAtMs - nowMs)
  }
}
