import { matchAt } from './syslog-bytes.ts'

/** A time at a place of a text, and where the text goes on. */
export interface FoundTime {
  /** Absent for what looks like a time and is none, such as February 30. */
  readonly timeMs?: number
  readonly end: number
}

const iso =
  /(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ?([Zz]|[+-]\d\d:?\d\d))?(?=[\s:]|$)/y

/** Years stand before the time (Cisco ASA) or behind it (some routers). */
const named =
  /([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: (\d{4})(?=[\s:]|$))?(?: (UTC|GMT|Z)(?=[\s:]|$))?/y

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** A time at `at` as RFC 5424 or ISO 8601 has it; without a zone it is that of this machine. */
export function isoTimeAt(text: string, at: number): FoundTime | undefined {
  const match = matchAt(iso, text, at)
  if (!match) return undefined
  const [all, year, month, day, hour, minute, second, fraction, zone] = match
  const calendar = {
    year: Number(year),
    month: Number(month) - 1,
    clock: [day, hour, minute, second].map(Number),
    ms: milliseconds(fraction)
  }
  return found(zoned(calendar, zone), at + all.length)
}

/**
 * A time at `at` as RFC 3164 has it, `Mmm dd hh:mm:ss`. Without a year it is taken for the one
 * nearest to `nowMs`, without a zone for one of this machine.
 */
export function namedTimeAt(text: string, at: number, nowMs: number): FoundTime | undefined {
  const match = matchAt(named, text, at)
  const month = months.indexOf(match?.[1] ?? '')
  if (!match || month === -1) return undefined
  const [all, , day, yearBefore, hour, minute, second, fraction, yearBehind, zone] = match
  const clock = [day, hour, minute, second].map(Number)
  const written = yearBefore ?? yearBehind
  const thisYear = new Date(nowMs).getFullYear()
  const years = written ? [Number(written)] : [thisYear, thisYear - 1, thisYear + 1]
  const times = years
    .map((year) => zoned({ year, month, clock, ms: milliseconds(fraction) }, zone && 'Z'))
    .filter((timeMs) => timeMs !== undefined)
  const nearest = times.sort((a, b) => Math.abs(a - nowMs) - Math.abs(b - nowMs))[0]
  return found(nearest, at + all.length)
}

function found(timeMs: number | undefined, end: number): FoundTime {
  return timeMs === undefined ? { end } : { timeMs, end }
}

function milliseconds(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0'))
}

interface Calendar {
  readonly year: number
  readonly month: number
  /** Day, hour, minute, second. */
  readonly clock: readonly number[]
  readonly ms: number
}

/** A leap second is the first of the next minute. */
function zoned({ year, month, clock, ms }: Calendar, zone?: string): number | undefined {
  const [day = 0, hour = 0, minute = 0, second = 0] = clock
  const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  if (month < 0 || month > 11 || day < 1 || day > days) return undefined
  if (hour > 23 || minute > 59 || second > 60) return undefined
  if (zone === undefined) return new Date(year, month, day, hour, minute, second, ms).getTime()
  const utc = Date.UTC(year, month, day, hour, minute, second, ms)
  const offset = /([+-])(\d\d):?(\d\d)/.exec(zone)
  if (!offset) return utc
  const minutes = Number(offset[2]) * 60 + Number(offset[3])
  return utc - (offset[1] === '-' ? -minutes : minutes) * 60_000
}
