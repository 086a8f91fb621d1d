/** A throttled shard's rate falls to this part of what went through. */
const decrease = 0.7
/** Growth while nothing is throttled: this many bytes per second each second, or this part. */
const increaseBytes = 64 * 1024
const increasePart = 0.1
const floorBytesPerSecond = 16 * 1024
/** No put waits longer for its rate, however large it is. */
const maxDelayMs = 5000
/** A rate above this limits nothing. */
const ceilingBytesPerSecond = 1024 * 1024 * 1024

/** The rate of one shard: unlimited until it throttles, then additive increase, multiplicative decrease. */
export class Limiter {
  #bytesPerSecond = Number.POSITIVE_INFINITY
  #freeAtMs = 0
  #raisedAtMs = 0

  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  /** When the next put may start, on the monotonic clock. */
  get freeAtMs(): number {
    return this.#freeAtMs
  }

  /** A put of so many bytes starts. */
  sent(bytes: number, nowMs: number): void {
    const start = Math.max(this.#freeAtMs, nowMs)
    this.#freeAtMs = start + Math.min(maxDelayMs, (bytes / this.#bytesPerSecond) * 1000)
  }

  stored(nowMs: number): void {
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) return
    const seconds = Math.min(1, (nowMs - this.#raisedAtMs) / 1000)
    const raised =
      this.#bytesPerSecond + seconds * Math.max(increaseBytes, this.#bytesPerSecond * increasePart)
    this.#bytesPerSecond = raised > ceilingBytesPerSecond ? Number.POSITIVE_INFINITY : raised
    this.#raisedAtMs = nowMs
  }

  /** `measuredBytesPerSecond` is what the shard took of late. */
  throttled(measuredBytesPerSecond: number, nowMs: number): void {
    const went = Math.min(this.#bytesPerSecond, measuredBytesPerSecond)
    this.#bytesPerSecond = Math.max(floorBytesPerSecond, went * decrease)
    this.#raisedAtMs = nowMs
  }
}
