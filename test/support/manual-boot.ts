import type { Boot } from '../../agent/clock/boot.ts'
import { DeviceTime } from '../../agent/clock/device-time.ts'
import type { Clock } from '../../shared/clock.ts'

/** A boot that began when this was made, on the monotonic time of a clock. */
export class ManualBoot implements Boot {
  readonly id: string
  readonly #clock: Clock
  readonly #beganMs: number
  #suspendedMs = 0

  constructor(clock: Clock, id = '0'.repeat(32)) {
    this.id = id
    this.#clock = clock
    this.#beganMs = clock.monoMs()
  }

  uptimeMs(): number {
    return this.#clock.monoMs() - this.#beganMs + this.#suspendedMs
  }

  /** The machine slept, and the monotonic time stood still. */
  suspended(ms: number): void {
    this.#suspendedMs += ms
  }
}

/** The time of a device on a boot of its own. */
export function timeOn(clock: Clock): DeviceTime {
  return new DeviceTime(clock, new ManualBoot(clock))
}
