/** Forms in which times are written; `auto` tells them apart by what they look like. */
export const timeFormats = ['auto', 'iso', 'unix', 'unixMs', 'unixUs', 'unixNs', 'clf'] as const

export type TimeFormat = (typeof timeFormats)[number]

/** What a time that names no zone is in: UTC, or the zone of this machine. */
export type TimeZone = 'utc' | 'local'

/** How many of the unit make a millisecond. */
const perMs = { unix: 0.001, unixMs: 1, unixUs: 1000, unixNs: 1_000_000 } as const

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** As access logs have it: `10/Oct/2000:13:55:36 -0700`. */
const clf = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})$/

/** `2026-01-31 12:00:00,250`, with or without a zone; the fraction may have any number of digits. */
const iso =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))? ?(Z|z|[+-]\d{2}:?\d{2}|UTC|GMT)?$/

/** Milliseconds since 1970, whole; undefined when `value` is no time of this format. */
export function readTime(
  value: unknown,
  format: TimeFormat = 'auto',
  zone: TimeZone = 'utc'
): number | undefined {
  const timeMs = Math.round(timeOf(value, format, zone) ?? Number.NaN)
  return Math.abs(timeMs) <= 8.64e15 ? timeMs : undefined
}

function timeOf(value: unknown, format: TimeFormat, zone: TimeZone): number | undefined {
  const number = numberOf(value)
  if (format === 'auto' && number !== undefined) return number / perMs[unitOf(number)]
  if (format in perMs) {
    return number === undefined ? undefined : number / perMs[format as keyof typeof perMs]
  }
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (format === 'clf') return clfTime(text)
  if (format === 'iso') return isoTime(text, zone)
  return isoTime(text, zone) ?? clfTime(text)
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'string' && /^\d{1,20}(\.\d{1,9})?$/.test(value.trim())
    ? Number(value)
    : undefined
}

/** The unit in which the number is a time between 1970 and 5138. */
function unitOf(number: number): keyof typeof perMs {
  if (number < 1e11) return 'unix'
  if (number < 1e14) return 'unixMs'
  return number < 1e17 ? 'unixUs' : 'unixNs'
}

function isoTime(text: string, zone: TimeZone): number | undefined {
  const match = iso.exec(text)
  if (!match) return undefined
  const [, date, time, fraction = '0', written] = match
  const offset = written?.replace(/^(z|UTC|GMT)$/, 'Z') ?? (zone === 'utc' ? 'Z' : '')
  const wholeMs = Date.parse(`${date}T${time}${offset}`)
  return Number.isNaN(wholeMs) ? undefined : wholeMs + Math.floor(Number(`0.${fraction}`) * 1000)
}

function clfTime(text: string): number | undefined {
  const match = clf.exec(text)
  if (!match) return undefined
  const [, day, monthName = '', year, time, hours, minutes] = match
  const month = String(months.indexOf(monthName) + 1).padStart(2, '0')
  const timeMs = Date.parse(`${year}-${month}-${day}T${time}${hours}:${minutes}`)
  return Number.isNaN(timeMs) ? undefined : timeMs
}
