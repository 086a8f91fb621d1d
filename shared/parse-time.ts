import { HeadwaterError } from './errors.ts'

/** Milliseconds since 1970, or an ISO 8601 date. Throws `invalid`. */
export function parseTime(text: string): number {
  const timeMs = /^-?\d{1,16}$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isSafeInteger(timeMs)) return timeMs
  throw new HeadwaterError(
    'invalid',
    'time must be milliseconds since 1970 or an ISO 8601 date, as in 2026-01-31T12:00:00Z'
  )
}
