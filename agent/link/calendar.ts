/** A moment as people at one place call it. */
export interface LocalTime {
  /** `2026-11-21` and `2026-11`; later ones compare as greater. */
  readonly day: string
  readonly month: string
  /** Since midnight as clocks show it: 0 to 1439, also on the days when the clocks change. */
  readonly minute: number
  /** How much of the month has passed, and how long it is. Days. */
  readonly daysIntoMonth: number
  readonly daysOfMonth: number
}

interface Fields {
  readonly year: number
  /** From 1, as the day. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
}

const minuteMs = 60_000

/** Local time in one time zone: that of the process, or an IANA name. */
export class Calendar {
  readonly #format: Intl.DateTimeFormat | undefined
  #minute = Number.NaN
  #last: LocalTime | undefined

  /** Throws `RangeError` for a time zone that is not known. */
  constructor(timeZone?: string) {
    if (timeZone === undefined) return
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric'
    })
  }

  /** Asked for every batch, so the answer is kept for its minute. */
  at(ms: number): LocalTime {
    const minute = Math.floor(ms / minuteMs)
    if (this.#last && minute === this.#minute) return this.#last
    this.#minute = minute
    this.#last = localTime(this.#format ? zonedFields(this.#format, ms) : processFields(ms))
    return this.#last
  }
}

function localTime({ year, month, day, hour, minute }: Fields): LocalTime {
  const monthKey = `${padded(year, 4)}-${padded(month, 2)}`
  const minuteOfDay = hour * 60 + minute
  return {
    day: `${monthKey}-${padded(day, 2)}`,
    month: monthKey,
    minute: minuteOfDay,
    daysIntoMonth: day - 1 + minuteOfDay / 1440,
    daysOfMonth: new Date(Date.UTC(year, month, 0)).getUTCDate()
  }
}

function processFields(ms: number): Fields {
  const date = new Date(ms)
  return {
    year: date.getFullYear(),
    month: date.getMonth() + 1,
    day: date.getDate(),
    hour: date.getHours(),
    minute: date.getMinutes()
  }
}

function zonedFields(format: Intl.DateTimeFormat, ms: number): Fields {
  const parts = format.formatToParts(ms)
  const of = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((part) => part.type === type)?.value)
  return {
    year: of('year'),
    month: of('month'),
    day: of('day'),
    hour: of('hour'),
    minute: of('minute')
  }
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}
