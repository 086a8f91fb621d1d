import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { HttpTransport } from './http.ts'
import { MqttTransport } from './mqtt.ts'
import type { Transport, TransportOptions } from './transport.ts'

type TransportClass = new (options: TransportOptions, clock: Clock) => Transport

/** By URL scheme. The libraries behind them are loaded at the first send. */
const transports: Readonly<Record<string, TransportClass>> = {
  'http:': HttpTransport,
  'https:': HttpTransport,
  'mqtt:': MqttTransport,
  'mqtts:': MqttTransport
}

/** Throws `config` for a scheme that is not known. */
export function createTransport(options: TransportOptions, clock: Clock): Transport {
  const Type = transports[options.url.protocol]
  if (Type) return new Type(options, clock)
  const known = Object.keys(transports).map((scheme) => `${scheme}//`)
  throw new HeadwaterError(
    'config',
    `the gateway's address begins with ${options.url.protocol}, not with one of ${known.join(', ')}`
  )
}
