import { z } from 'zod'
import { attempt, count, duration, flag } from '../../../shared/config/fields.ts'
import { formatGpsAddress, type GpsAddress, parseGpsAddress } from './gps-address.ts'
import { angle, distance, speed } from './quantity.ts'

const address = z.codec(z.string().meta({ title: 'receiver' }), z.custom<GpsAddress>(), {
  decode: (text, context) => attempt(context, text, () => parseGpsAddress(text)),
  encode: formatGpsAddress
})

const interval = () => duration({ min: 100, max: 86_400_000 })

const deadband = z
  .strictObject({
    distance: distance().optional().describe('Keep a fix so far from the last one kept.'),
    heading: angle()
      .optional()
      .describe('Keep a fix whose course differs so much, while moving at 1 m/s or more.'),
    speed: speed().optional().describe('Keep a fix whose speed differs so much.'),
    maxInterval: interval().optional().describe('Keep a fix so long after the last one kept.'),
    minInterval: interval()
      .optional()
      .describe('Keep no fix sooner after the last one kept, whatever it says.')
  })
  .refine(
    ({ minInterval = 0, maxInterval = Number.POSITIVE_INFINITY }) => minInterval <= maxInterval,
    'minInterval must not be more than maxInterval'
  )
  .optional()
  .describe('Which fixes are kept; without it all are.')

export const gpsOptions = z.strictObject({
  gps: address.describe(
    'Receiver: gpsd, gpsd://HOST:PORT, tcp://HOST:PORT (NMEA), a serial device such as /dev/ttyAMA0, or file:PATH (NMEA).'
  ),
  baud: count({ min: 50, max: 4_000_000 })
    .prefault(9600)
    .describe('Bits per second of a serial device.'),
  requireChecksum: flag()
    .prefault(true)
    .describe('Take only NMEA sentences with a checksum; a wrong one is refused in any case.'),
  watchdog: duration({ min: 1000, max: 86_400_000 })
    .prefault('30s')
    .describe('Silence after which the receiver is connected anew.'),
  deadband
})

export type GpsOptions = z.output<typeof gpsOptions>
export type DeadbandOptions = NonNullable<GpsOptions['deadband']>
