import type { Clock } from '../../shared/clock.ts'
import { type ClockState, maxOffsetMs } from '../../shared/wire/batch.ts'
import type { Boot } from './boot.ts'

/** When something happened, told so that it can still be dated once the wall clock is right. */
export interface Stamp {
  readonly wallMs: number
  /** Milliseconds since boot, time in suspend included. */
  readonly uptimeMs: number
  /** Which boot `uptimeMs` counts from; 32 hexadecimal digits. */
  readonly boot: string
  /** What `wallMs` was worth. */
  readonly clock: ClockState
}

/** What is known by now of times that were taken when the clock was worth less. */
export interface Correction {
  readonly clock: ClockState
  /** To be added to them, milliseconds. */
  readonly offset: number
}

export interface TimeStats {
  readonly state: ClockState
  /** How far the wall clock is ahead of what is known better, milliseconds; undefined: nothing is. */
  readonly errorMs: number | undefined
}

type Trusted = Exclude<ClockState, 'unsynced'>

/** What the time is by something better than the wall clock. */
interface Reference {
  readonly clock: Trusted
  /** True time less the time since boot. */
  readonly skewMs: number
}

/** Earlier than any run of this program: a clock that says less is not set. */
export const floorMs = Date.UTC(2026, 0, 1)

/** What differs by no more is the same time: receivers take up to a second to say theirs. */
const toleranceMs = 2000

const worth: Readonly<Record<ClockState, number>> = { unsynced: 0, rtc: 1, gps: 2, ntp: 2 }

/**
 * Knows what the wall clock is worth, and how wrong it was when it was worth less.
 *
 * The time since boot never steps, so one moment at which the true time is known dates every other
 * of the same boot. A wall clock that steps away from that is `unsynced` from the next look on; one
 * that is slewed is followed.
 */
export class DeviceTime {
  readonly #clock: Clock
  readonly #boot: Boot
  #reference: Reference | undefined
  /** As the last source told it, which is believed when it is told again. */
  #toldSkewMs: number | undefined

  constructor(clock: Clock, boot: Boot) {
    this.#clock = clock
    this.#boot = boot
  }

  now(): Stamp {
    const wallMs = Math.round(this.#clock.wallMs())
    const uptimeMs = Math.round(this.#boot.uptimeMs())
    return { wallMs, uptimeMs, boot: this.#boot.id, clock: this.#judge(wallMs, uptimeMs) }
  }

  /**
   * The wall clock is right, as `clock` says. Returns false, believing nothing, when it shows a time
   * before 2026, or something better is known.
   */
  trust(clock: Trusted): boolean {
    const { wallMs, uptimeMs } = this.now()
    const isBelieved =
      wallMs >= floorMs && worth[clock] >= worth[this.#reference?.clock ?? 'unsynced']
    if (isBelieved) this.#reference = { clock, skewMs: wallMs - uptimeMs }
    return isBelieved
  }

  /** A receiver says that it is `timeMs` now. Believed the second time, unless NTP has set the clock. */
  tell(timeMs: number): void {
    const { uptimeMs, clock } = this.now()
    const skewMs = Math.round(timeMs) - uptimeMs
    const isSame = isClose(skewMs, this.#toldSkewMs)
    this.#toldSkewMs = skewMs
    if (isSame && timeMs >= floorMs && clock !== 'ntp') this.#reference = { clock: 'gps', skewMs }
  }

  /**
   * Of times taken then. None for those of another boot, or of a clock that was worth as much as what
   * is known now.
   */
  correctionOf({ wallMs, uptimeMs, boot, clock }: Stamp): Correction {
    const asItWas = { clock, offset: 0 }
    const known = this.#reference
    if (!known || boot !== this.#boot.id || worth[clock] >= worth[known.clock]) return asItWas
    const offset = known.skewMs - (wallMs - uptimeMs)
    if (Math.abs(offset) > maxOffsetMs) return asItWas
    return { clock: known.clock, offset: Math.abs(offset) <= toleranceMs ? 0 : offset }
  }

  /**
   * Milliseconds since `then`. Of another boot at least what this one has lasted; more only where
   * both times are to be believed, so that no step of the clock makes anything old.
   */
  since({ wallMs, uptimeMs, boot }: Omit<Stamp, 'clock'>): number {
    const nowMs = Math.round(this.#boot.uptimeMs())
    if (boot === this.#boot.id) return Math.max(0, nowMs - uptimeMs)
    if (!this.#reference || wallMs < floorMs) return nowMs
    return Math.max(nowMs, nowMs + this.#reference.skewMs - wallMs)
  }

  stats(): TimeStats {
    const { wallMs, uptimeMs, clock: state } = this.now()
    const known = this.#reference
    return { state, errorMs: known && wallMs - uptimeMs - known.skewMs }
  }

  #judge(wallMs: number, uptimeMs: number): ClockState {
    const known = this.#reference
    if (!known) return 'unsynced'
    const skewMs = wallMs - uptimeMs
    if (isClose(skewMs, known.skewMs)) {
      this.#reference = { ...known, skewMs }
      return known.clock
    }
    // Whoever has set the clock since may have known better than the battery.
    if (known.clock === 'rtc') this.#reference = undefined
    return 'unsynced'
  }
}

function isClose(a: number, b: number | undefined): boolean {
  return b !== undefined && Math.abs(a - b) <= toleranceMs
}
