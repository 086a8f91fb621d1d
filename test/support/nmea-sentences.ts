import { checksumOf } from '../../agent/formats/nmea/sentence.ts'

/** A sentence with its checksum and newline. */
export function sentence(body: string): string {
  return `$${body}*${checksumOf(body).toString(16).toUpperCase().padStart(2, '0')}\r\n`
}

interface Spot {
  /** Milliseconds since the epoch, whole seconds. */
  readonly time: number
  /** Minutes north of 48° and east of 11°. */
  readonly north?: number
  readonly east?: number
  readonly knots?: number
  readonly course?: number
}

/** A valid RMC of a spot near Munich. */
export function rmc({ time, north = 7, east = 31, knots = 22.4, course = 84.4 }: Spot): string {
  const iso = new Date(time).toISOString()
  const clock = iso.slice(11, 19).replaceAll(':', '')
  const date = iso.slice(8, 10) + iso.slice(5, 7) + iso.slice(2, 4)
  return sentence(
    `GPRMC,${clock}.00,A,48${minutes(north)},N,011${minutes(east)},E,${knots},${course},${date},,,A`
  )
}

/** A valid GGA of the same spot; it has no date. */
export function gga({ time, north = 7, east = 31 }: Spot): string {
  const clock = new Date(time).toISOString().slice(11, 19).replaceAll(':', '')
  return sentence(
    `GPGGA,${clock}.00,48${minutes(north)},N,011${minutes(east)},E,1,08,0.9,545.4,M,46.9,M,,`
  )
}

function minutes(value: number): string {
  return value.toFixed(5).padStart(8, '0')
}
