import type { Fix, FixQuality } from './fix.ts'
import {
  dateOf,
  dayOf,
  latitudeOf,
  longitudeOf,
  numberOf,
  scaled,
  timeOfDay
} from './field-values.ts'
import type { Sentence } from './sentence.ts'

/** What one sentence says. */
export type Facts = { readonly [K in keyof Omit<Fix, 'time' | 'mode'>]?: Fix[K] | undefined } & {
  /** 1: the satellites of this system give no position; 2 and 3 as in a fix. */
  readonly mode?: number | undefined
  /** Milliseconds of the day, UTC. */
  readonly tod?: number | undefined
  /** Start of the day, milliseconds since the epoch. */
  readonly date?: number | undefined
  /** The receiver says that it has no position. */
  readonly noFix?: boolean
}

type Fields = readonly string[]

const metresPerSecond = { knot: 1852 / 3600, kmh: 1 / 3.6 }

const readers: Readonly<Record<string, (fields: Fields) => Facts>> = {
  RMC: (f) => ({
    tod: timeOfDay(f[1]),
    date: dateOf(f[9]),
    ...position(f, 3),
    speed: scaled(f[7], metresPerSecond.knot),
    course: within(numberOf(f[8]), 0, 360),
    ...status(f[2], f[12])
  }),
  GGA: (f) => ({
    tod: timeOfDay(f[1]),
    ...position(f, 2),
    ...quality(f[6]),
    satellites: numberOf(f[7]),
    hdop: numberOf(f[8]),
    ...altitude(f[9], f[11])
  }),
  GNS: (f) => ({
    tod: timeOfDay(f[1]),
    ...position(f, 2),
    ...(/^N*$/.test(f[6] ?? '') ? { noFix: true } : {}),
    satellites: numberOf(f[7]),
    hdop: numberOf(f[8]),
    ...altitude(f[9], f[10])
  }),
  // The oldest receivers end it behind the position.
  GLL: (f) => ({
    tod: timeOfDay(f[5]),
    ...position(f, 1),
    ...(f[6] === undefined ? {} : status(f[6], f[7]))
  }),
  VTG: (f) => ({
    ...(f[2] === 'T' ? { course: within(numberOf(f[1]), 0, 360) } : {}),
    ...(f[6] === 'N' ? { speed: scaled(f[5], metresPerSecond.knot) } : {}),
    ...(f[9] === 'N' ? { noFix: true } : {})
  }),
  GSA: (f) => ({ mode: within(numberOf(f[2]), 1, 3), hdop: numberOf(f[16]) }),
  ZDA: (f) => ({ tod: timeOfDay(f[1]), date: dayOf(f[2], f[3], f[4]) })
}

/** Undefined for a type that tells nothing about the position. */
export function factsOf({ talker, type, fields }: Sentence): Facts | 'malformed' | undefined {
  const read = talker === 'P' || !Object.hasOwn(readers, type) ? undefined : readers[type]
  const facts = read?.(fields)
  return facts && Object.values(facts).some(Number.isNaN) ? 'malformed' : facts
}

function position(f: Fields, at: number): Facts {
  return { lat: latitudeOf(f[at], f[at + 1]), lon: longitudeOf(f[at + 2], f[at + 3]) }
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && (value < min || value > max) ? Number.NaN : value
}

function altitude(height: string | undefined, geoid: string | undefined): Facts {
  const alt = numberOf(height)
  const separation = numberOf(geoid)
  if (alt === undefined || separation === undefined) return { alt }
  return { alt, altHae: Math.round((alt + separation) * 1000) / 1000 }
}

const modeLetters: Readonly<Record<string, FixQuality>> = {
  A: 'gps',
  D: 'dgps',
  E: 'estimated',
  F: 'rtk-float',
  M: 'manual',
  P: 'pps',
  R: 'rtk',
  S: 'simulated'
}

/** Status `A` or `V`, and the mode letter that newer receivers add. */
function status(valid: string | undefined, mode: string | undefined): Facts {
  if (valid !== 'A' || mode === 'N') return { noFix: true }
  return { quality: modeLetters[mode ?? ''] }
}

const qualities: readonly (FixQuality | undefined)[] = [
  undefined,
  'gps',
  'dgps',
  'pps',
  'rtk',
  'rtk-float',
  'estimated',
  'manual',
  'simulated'
]

function quality(digit: string | undefined): Facts {
  const found = qualities[numberOf(digit) ?? 0]
  return found ? { quality: found } : { noFix: true }
}
