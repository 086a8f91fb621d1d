/** Weight of the newest measurement of the drain rate. */
const weight = 0.3
const leastRetryMs = 50
const mostRetryMs = 30_000

/** What went through one lane, and how fast it drains. */
export class LaneMeter {
  throttles = 0
  putRecords = 0
  putBytes = 0
  puts = 0
  /** What is billed for them; 0 where puts are not. */
  payloadUnits = 0
  #bytesPerSecond = 0

  /** Bytes per second that the shard took of late; 0 when none were stored yet. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  /** A put was stored, `elapsedMs` after the lane had become free to send it. */
  stored(what: { records: number; bytes: number; payloadUnits: number }, elapsedMs: number): void {
    this.putRecords += what.records
    this.putBytes += what.bytes
    this.payloadUnits += what.payloadUnits
    this.puts += 1
    const measured = (what.bytes * 1000) / Math.max(1, elapsedMs)
    this.#bytesPerSecond =
      this.#bytesPerSecond === 0
        ? measured
        : this.#bytesPerSecond + weight * (measured - this.#bytesPerSecond)
  }

  /** How long until so many bytes have gone, as far as can be told. */
  retryAfterMs(bytes: number): number {
    if (this.#bytesPerSecond === 0) return 1000
    const ms = (bytes * 1000) / this.#bytesPerSecond
    return Math.round(Math.min(mostRetryMs, Math.max(leastRetryMs, ms)))
  }
}
