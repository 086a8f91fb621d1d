import type { EpochResult } from '../../formats/nmea/nmea-decoder.ts'
import type { Fix } from '../../formats/nmea/fix.ts'
import type { Tally } from '../tally.ts'
import { Deadband } from './deadband.ts'
import type { DeadbandOptions } from './gps-options.ts'

/** How long the ten bits of the week number in the signal last. */
const rolloverMs = 1024 * 7 * 86_400_000

/**
 * Earlier than any run of this program. A receiver that is 1024 weeks late, as old ones are whose
 * maker put the start of its weeks too early, is set right until 2045.
 */
const floorMs = Date.UTC(2026, 0, 1)

export interface FixFilterOptions {
  readonly tally: Tally
  readonly deadband: DeadbandOptions | undefined
  /** It is now for the receiver; a recording may be of any time. */
  readonly isLive: boolean
  /** Time of the last fix before. */
  readonly lastTime?: number | undefined
}

/** A fix that becomes a record. */
export interface KeptFix {
  readonly fix: Fix
  /** Event time. */
  readonly atMs: number
  /** `arrival`: the receiver gave none, or an impossible one. `corrected`: by 1024 weeks. */
  readonly timeFrom: 'receiver' | 'corrected' | 'arrival'
}

/** Gives each fix its event time; leaves out, and counts, what is old or says nothing new. */
export class FixFilter {
  readonly #tally: Tally
  readonly #deadband: Deadband | undefined
  readonly #isLive: boolean
  #lastTime: number | undefined

  constructor({ tally, deadband, isLive, lastTime }: FixFilterOptions) {
    this.#tally = tally
    this.#deadband = deadband && new Deadband(deadband)
    this.#isLive = isLive
    this.#lastTime = lastTime
  }

  /** Time of the last fix that had one, as the receiver said it. */
  get lastTime(): number | undefined {
    return this.#lastTime
  }

  take(result: EpochResult | undefined, arrivalMs: number): KeptFix | undefined {
    if (result === undefined) return undefined
    if (result === 'no_fix') return this.#useless(result)
    // A receiver, or a server before it, that has lost the sky may repeat its last fix for ever.
    if (result.time !== undefined && result.time === this.#lastTime) {
      return this.#useless('stale_fix')
    }
    this.#lastTime = result.time ?? this.#lastTime
    const stamp = this.#stamp(result, arrivalMs)
    const refusal = this.#deadband?.refusal(result, stamp.atMs)
    if (refusal) {
      this.#tally.leftOut(refusal)
      return undefined
    }
    if (stamp.timeFrom === 'corrected') this.#tally.problem('week_rollover')
    return { fix: result, ...stamp }
  }

  #useless(problem: 'no_fix' | 'stale_fix'): undefined {
    this.#tally.problem(problem)
  }

  #stamp({ time }: Fix, arrivalMs: number): Pick<KeptFix, 'atMs' | 'timeFrom'> {
    if (time === undefined) return { atMs: arrivalMs, timeFrom: 'arrival' }
    if (!this.#isLive || time >= floorMs) return { atMs: time, timeFrom: 'receiver' }
    const corrected = time + rolloverMs
    if (corrected < floorMs) return { atMs: arrivalMs, timeFrom: 'arrival' }
    // A recording that is sent as if it were live, where this machine knows better what time it is.
    const isPast = Math.abs(time - arrivalMs) < Math.abs(corrected - arrivalMs)
    if (arrivalMs >= floorMs && isPast) return { atMs: time, timeFrom: 'receiver' }
    return { atMs: corrected, timeFrom: 'corrected' }
  }
}
