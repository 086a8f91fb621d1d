import type { Fix } from '../../formats/nmea/fix.ts'
import type { DeadbandOptions } from './gps-options.ts'

/** Below it the course of a receiver is noise. Metres per second. */
const movingSpeed = 1

/** Mean radius of the earth, metres (IUGG). */
const earthRadius = 6_371_008.8

interface Kept {
  readonly fix: Fix
  readonly atMs: number
}

/** Leaves out fixes that say nothing new, compared with the last that was kept. */
export class Deadband {
  readonly #options: DeadbandOptions
  #kept: Kept | undefined

  constructor(options: DeadbandOptions) {
    this.#options = options
  }

  /** Undefined: the fix is kept. Otherwise why it is not. */
  refusal(fix: Fix, atMs: number): 'min_interval' | 'deadband' | undefined {
    const last = this.#kept
    const { minInterval = 0 } = this.#options
    // A clock that went back starts anew.
    if (last && atMs >= last.atMs) {
      if (atMs - last.atMs < minInterval) return 'min_interval'
      if (!this.#isNew(fix, atMs, last)) return 'deadband'
    }
    this.#kept = { fix, atMs }
    return undefined
  }

  #isNew(fix: Fix, atMs: number, last: Kept): boolean {
    const { distance, heading, speed, maxInterval } = this.#options
    const before = last.fix
    if (maxInterval !== undefined && atMs - last.atMs >= maxInterval) return true
    if (distance !== undefined && metresBetween(before, fix) >= distance) return true
    if (heading !== undefined && turn(before, fix) >= heading) return true
    if (speed !== undefined && speedChange(before, fix) >= speed) return true
    // Nothing but minInterval was asked for.
    return [distance, heading, speed, maxInterval].every((one) => one === undefined)
  }
}

/** Along the great circle. */
export function metresBetween(a: Fix, b: Fix): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180
  const dLat = Math.sin(radians(b.lat - a.lat) / 2) ** 2
  const dLon = Math.sin(radians(b.lon - a.lon) / 2) ** 2
  const h = dLat + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * dLon
  return 2 * earthRadius * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** Degrees from 0 to 180; 0 where a course is not known or means nothing. */
function turn(a: Fix, b: Fix): number {
  if (a.course === undefined || b.course === undefined) return 0
  if ((b.speed ?? movingSpeed) < movingSpeed) return 0
  const difference = Math.abs(a.course - b.course) % 360
  return Math.min(difference, 360 - difference)
}

function speedChange(a: Fix, b: Fix): number {
  return a.speed === undefined || b.speed === undefined ? 0 : Math.abs(a.speed - b.speed)
}
