import type { Fix, FixQuality } from '../../formats/nmea/fix.ts'
import type { EpochResult } from '../../formats/nmea/nmea-decoder.ts'

type Json = Readonly<Record<string, unknown>>

/** What the last SKY said, which comes apart from the fix. */
interface Sky {
  readonly device: unknown
  readonly hdop?: number
  readonly satellites?: number
}

/** `status` of a TPV. */
const qualities = new Map<unknown, FixQuality>([
  [1, 'gps'],
  [2, 'dgps'],
  [3, 'rtk'],
  [4, 'rtk-float'],
  [5, 'estimated'],
  [6, 'estimated'],
  [8, 'simulated']
])

/**
 * Makes fixes of the lines of gpsd, protocol versions 2 and 3 (gpsd_json(5)): of each TPV, with what
 * the last SKY of the same device says.
 */
export class GpsdDecoder {
  readonly #problem: (reason: 'bad_line' | 'gpsd_error') => void
  #sky: Sky | undefined

  constructor(problem: (reason: 'bad_line' | 'gpsd_error') => void) {
    this.#problem = problem
  }

  line(line: string): EpochResult | undefined {
    const report = parse(line)
    switch (report?.['class']) {
      case undefined:
        this.#problem('bad_line')
        return undefined
      case 'ERROR':
        this.#problem('gpsd_error')
        return undefined
      case 'SKY':
        this.#sky = skyOf(report ?? {}) ?? this.#sky
        return undefined
      case 'TPV':
        return this.#fixOf(report ?? {})
      default:
        return undefined
    }
  }

  /** Each line is whole by itself. */
  flush(): undefined {}

  #fixOf(tpv: Json): EpochResult {
    const mode = tpv['mode']
    const lat = within(tpv['lat'], -90, 90)
    const lon = within(tpv['lon'], -180, 180)
    if ((mode !== 2 && mode !== 3) || lat === undefined || lon === undefined) return 'no_fix'
    const sky = this.#sky?.device === tpv['device'] ? this.#sky : undefined
    const found: Fix = {
      lat,
      lon,
      ...known({
        time: timeOf(tpv['time']),
        alt: numberOf(tpv['altMSL']) ?? numberOf(tpv['alt']),
        altHae: numberOf(tpv['altHAE']),
        speed: numberOf(tpv['speed']),
        course: within(tpv['track'], 0, 360),
        accuracy: accuracyOf(tpv),
        hdop: sky?.hdop,
        satellites: sky?.satellites
      }),
      mode,
      ...known({ quality: qualities.get(tpv['status']) })
    }
    return found
  }
}

function parse(line: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

/** Since version 3.22 some SKY reports have no satellites, and then say nothing of their number. */
function skyOf(sky: Json): Sky | undefined {
  const list = sky['satellites']
  const counted = Array.isArray(list)
    ? list.filter((one: unknown) => Object(one)['used'] === true).length
    : undefined
  const said = known({
    hdop: numberOf(sky['hdop']),
    satellites: numberOf(sky['uSat']) ?? counted
  })
  return Object.keys(said).length === 0 ? undefined : { device: sky['device'], ...said }
}

/** ISO 8601; seconds since the epoch in the oldest versions. What lies in no century of GPS is none. */
function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined
  const ms = typeof value === 'number' ? value * 1000 : Date.parse(value)
  return within(Math.round(ms), Date.UTC(1980, 0, 1), Date.UTC(2100, 0, 1))
}

/** `eph`, which older versions lack; they have the errors of both axes. */
function accuracyOf(tpv: Json): number | undefined {
  const eph = numberOf(tpv['eph'])
  const [epx, epy] = [numberOf(tpv['epx']), numberOf(tpv['epy'])]
  if (eph !== undefined || epx === undefined || epy === undefined) return eph
  return Math.round(Math.hypot(epx, epy) * 1000) / 1000
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function within(value: unknown, min: number, max: number): number | undefined {
  const number = numberOf(value)
  return number !== undefined && number >= min && number <= max ? number : undefined
}

function known<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
