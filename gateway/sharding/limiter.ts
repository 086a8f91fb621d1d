/** A throttled shard's rate falls to this part of what went through. */
const decrease = 0.7
/** Growth while nothing is throttled: this many bytes per second each second, or this part. */
const increaseBytes = 64 * 1024
const increasePart = 0.1
/** Below what went through before a throttle: this part of what is missing to it, each second. */
const recoveryPart = 2
/** What went through before is believed in a little less with each throttle. */
const doubt = 0.9
const floorBytesPerSecond = 16 * 1024
/** No put waits longer for its rate, however large it is. */
const maxDelayMs = 5000
/** A rate above this limits nothing. */
const ceilingBytesPerSecond = 1024 * 1024 * 1024

/**
 * The rate of one shard: unlimited until it throttles, then additive increase, multiplicative
 * decrease, with a fast way back to what went through before.
 */
export class Limiter {
  #bytesPerSecond = Number.POSITIVE_INFINITY
  #freeAtMs = 0
  #raisedAtMs = 0
  /** What went through before throttles. */
  #wentBytesPerSecond = 0
  /** Nothing was stored since the last throttle. */
  #isRefused = false

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
    this.#isRefused = false
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) return
    const seconds = Math.min(1, (nowMs - this.#raisedAtMs) / 1000)
    const missing = (this.#wentBytesPerSecond - this.#bytesPerSecond) * recoveryPart
    const growth = Math.max(increaseBytes, this.#bytesPerSecond * increasePart, missing)
    const raised = this.#bytesPerSecond + seconds * growth
    this.#bytesPerSecond = raised > ceilingBytesPerSecond ? Number.POSITIVE_INFINITY : raised
    this.#raisedAtMs = nowMs
  }

  /**
   * `measuredBytesPerSecond`, what the shard took of late, counts while there is no limit. Until it
   * takes something again, more refusals say nothing new: how long to wait is for the backoff.
   */
  throttled(measuredBytesPerSecond: number, nowMs: number): void {
    this.#raisedAtMs = nowMs
    if (this.#isRefused) return
    this.#isRefused = true
    const unlimited = this.#bytesPerSecond === Number.POSITIVE_INFINITY
    const went = unlimited ? measuredBytesPerSecond : this.#bytesPerSecond
    this.#wentBytesPerSecond = Math.max(went, this.#wentBytesPerSecond * doubt)
    this.#bytesPerSecond = Math.max(floorBytesPerSecond, went * decrease)
  }
}
