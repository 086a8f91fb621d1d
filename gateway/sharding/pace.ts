import { Backoff } from '../../shared/backoff.ts'
import type { Random } from '../../shared/random.ts'
import { LaneMeter } from './lane-meter.ts'
import { Limiter } from './limiter.ts'
import { entryBytes, type Parcel } from './parcel.ts'
import type { Verdict } from './verdict.ts'

const backoff = { firstMs: 50, maxMs: 10_000 }
/** A shard that throttles is well, and has room again every second. */
const throttledMaxMs = 2_000

/** When a lane may send next: after its backoff, and no faster than its shard takes. */
export class Pace {
  readonly meter = new LaneMeter()
  readonly #limiter = new Limiter()
  readonly #backoff: Backoff
  readonly #payloadUnitBytes: number | undefined
  #notBeforeMs = 0
  #departedMs = 0

  /** `payloadUnitBytes`: what puts are billed by; absent where they are not. */
  constructor(random: Random, payloadUnitBytes: number | undefined) {
    this.#payloadUnitBytes = payloadUnitBytes
    this.#backoff = new Backoff({ ...backoff, random })
  }

  /** On the monotonic clock, as all times here. */
  get readyAtMs(): number {
    return Math.max(this.#notBeforeMs, this.#limiter.freeAtMs)
  }

  /** A put leaves. `again`: it carries only what was attempted before. */
  departed(bytes: number, nowMs: number, again: boolean): void {
    if (!again) this.#departedMs = nowMs
    this.#limiter.sent(bytes, nowMs)
  }

  /** What a put came to. */
  arrived({ stored, left, throttledMs, failed, misrouted }: Verdict, nowMs: number): void {
    if (stored.length > 0) {
      const records = stored.reduce((sum, parcel) => sum + parcel.records, 0)
      const bytes = dataBytes(stored)
      const payloadUnits = this.#payloadUnits(stored)
      this.meter.stored({ records, bytes, payloadUnits }, nowMs - this.#departedMs)
      this.#limiter.stored(nowMs)
      this.#backoff.reset()
    }
    if (throttledMs !== undefined) {
      this.meter.throttles += 1
      this.#limiter.throttled(this.meter.bytesPerSecond || dataBytes(left), nowMs)
    }
    if (throttledMs !== undefined || failed !== undefined || misrouted) {
      const waitMs = this.#backoff.next()
      const throttled = throttledMs !== undefined && failed === undefined && !misrouted
      const mostMs = throttled ? Math.min(waitMs, throttledMaxMs) : waitMs
      this.#notBeforeMs = nowMs + (throttledMs ?? 0) + mostMs
    }
  }

  #payloadUnits(parcels: readonly Parcel[]): number {
    const unit = this.#payloadUnitBytes
    if (unit === undefined) return 0
    return parcels.reduce((sum, parcel) => sum + Math.ceil(entryBytes(parcel) / unit), 0)
  }
}

function dataBytes(parcels: readonly Parcel[]): number {
  return parcels.reduce((sum, parcel) => sum + parcel.data.length, 0)
}
