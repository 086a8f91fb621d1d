import { HeadwaterError } from '../../shared/errors.ts'

/** Minutes since midnight: from the first, up to the second, over midnight where that is smaller. */
export interface QuietHours {
  readonly from: number
  readonly to: number
}

/** `22:00-06:00`. Throws `config` naming the text. */
export function parseQuietHours(text: string): QuietHours {
  const match = /^(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)$/.exec(text.trim())
  const [hour = 0, minute = 0, toHour = 0, toMinute = 0] = match?.slice(1).map(Number) ?? []
  const from = hour * 60 + minute
  const to = toHour * 60 + toMinute
  const right = match && minute < 60 && toMinute < 60 && from < 1440 && to <= 1440 && from !== to
  if (right) return { from, to }
  throw new HeadwaterError(
    'config',
    `${JSON.stringify(text)} are no quiet hours: write two different times of day, as in "22:00-06:00"`
  )
}

/** The text that `parseQuietHours` reads back as the same. */
export function formatQuietHours({ from, to }: QuietHours): string {
  return `${timeOfDay(from)}-${timeOfDay(to)}`
}

/**
 * Whether the clock on the wall shows a time within them. An hour that clocks show twice is quiet
 * twice, and one that they leave out never comes.
 */
export function isQuiet(hours: readonly QuietHours[], minute: number): boolean {
  return hours.some(({ from, to }) =>
    from < to ? minute >= from && minute < to : minute >= from || minute < to
  )
}

function timeOfDay(minutes: number): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
