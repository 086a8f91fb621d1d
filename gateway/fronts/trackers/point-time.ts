import { numberOf } from './loose-fields.ts'

/** No app is older; what is before this is a clock that was never set. 2000-01-01. */
const earliestMs = Date.UTC(2000, 0, 1)

/** As far as the clock of a phone and ours may disagree. */
const maxAheadMs = 24 * 3_600_000

/** Numbers below are seconds, from there on milliseconds: 1973 in the one, 5138 in the other. */
const secondsBelow = 1e11

/** A plus that was not escaped arrives as a space. */
const date = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+\- ]\d\d:?\d\d)?$/i

/**
 * Milliseconds since the epoch from seconds, milliseconds, ISO 8601 or `yyyy-MM-dd HH:mm:ss`, without
 * a zone in UTC. Undefined for what cannot be when a message that arrived at `nowMs` was made.
 */
export function pointTimeMs(value: unknown, nowMs: number): number | undefined {
  const number = numberOf(value)
  const timeMs = number === undefined ? dateMs(value) : number * (number < secondsBelow ? 1000 : 1)
  if (!(timeMs >= earliestMs && timeMs <= nowMs + maxAheadMs)) return undefined
  return Math.round(timeMs)
}

function dateMs(value: unknown): number {
  const match = typeof value === 'string' ? date.exec(value) : null
  if (!match) return Number.NaN
  const [, day, time, zone = 'Z'] = match
  const sign = zone.startsWith(' ') ? `+${zone.slice(1)}` : zone
  return Date.parse(`${day}T${time}${sign.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')}`)
}
