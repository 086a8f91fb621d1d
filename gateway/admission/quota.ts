import type { Clock } from '../../shared/clock.ts'

export interface QuotaLimits {
  readonly recordsPerSecond?: number
  readonly bytesPerSecond?: number
}

export interface QuotaOptions {
  /** The limits of a device; undefined: none. */
  readonly limitsOf: (device: string) => QuotaLimits | undefined
  /** How much may come at once after a rest, in seconds' worth of the rate. */
  readonly burstSeconds: number
  /** Devices remembered; the one that was silent longest is forgotten first. */
  readonly maxDevices: number
  readonly clock: Clock
}

interface Bucket {
  records: number
  bytes: number
  atMs: number
}

/**
 * Token buckets by device. A device may send while its buckets are not empty, and what it sends may
 * leave them in debt: a batch larger than the burst is slowed, never refused for good.
 */
export class Quota {
  readonly #options: QuotaOptions
  readonly #buckets = new Map<string, Bucket>()
  #forgotten = 0

  constructor(options: QuotaOptions) {
    this.#options = options
  }

  /** Devices whose bucket was dropped at `maxDevices`; each starts again with a full one. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** How long the device must wait before its next batch; 0 when it may send. Milliseconds. */
  waitMs(device: string): number {
    const limits = this.#options.limitsOf(device)
    if (!limits) return 0
    const bucket = this.#filled(device, limits)
    return Math.max(
      debtMs(bucket.records, limits.recordsPerSecond),
      debtMs(bucket.bytes, limits.bytesPerSecond)
    )
  }

  charge(device: string, records: number, bytes: number): void {
    const limits = this.#options.limitsOf(device)
    if (!limits) return
    const bucket = this.#filled(device, limits)
    bucket.records -= records
    bucket.bytes -= bytes
  }

  #filled(device: string, limits: QuotaLimits): Bucket {
    const { burstSeconds, clock, maxDevices } = this.#options
    const nowMs = clock.monoMs()
    const known = this.#buckets.get(device)
    const full = {
      records: (limits.recordsPerSecond ?? 0) * burstSeconds,
      bytes: (limits.bytesPerSecond ?? 0) * burstSeconds
    }
    const bucket = known ?? { ...full, atMs: nowMs }
    const seconds = (nowMs - bucket.atMs) / 1000
    bucket.records = Math.min(
      full.records,
      bucket.records + seconds * (limits.recordsPerSecond ?? 0)
    )
    bucket.bytes = Math.min(full.bytes, bucket.bytes + seconds * (limits.bytesPerSecond ?? 0))
    bucket.atMs = nowMs
    this.#buckets.delete(device)
    this.#buckets.set(device, bucket)
    if (this.#buckets.size > maxDevices) this.#forgetOldest()
    return bucket
  }

  #forgetOldest(): void {
    for (const device of this.#buckets.keys()) {
      this.#buckets.delete(device)
      this.#forgotten += 1
      return
    }
  }
}

/** Until the bucket is out of debt. */
function debtMs(tokens: number, perSecond: number | undefined): number {
  if (perSecond === undefined || tokens > 0) return 0
  return Math.floor((-tokens / perSecond) * 1000) + 1
}
