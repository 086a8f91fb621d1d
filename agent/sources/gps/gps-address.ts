import { HeadwaterError } from '../../../shared/errors.ts'
import {
  formatListenAddress,
  type ListenAddress,
  parseListenAddress
} from '../../../shared/listen-address.ts'

/** Where fixes come from. */
export type GpsAddress =
  | { readonly kind: 'gpsd'; readonly server: ListenAddress }
  | { readonly kind: 'tcp'; readonly server: ListenAddress }
  | { readonly kind: 'serial'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }

const gpsdPort = 2947

/**
 * `gpsd` (on this machine), `gpsd://host[:port]`, `tcp://host:port`, `/dev/ttyAMA0`, `file:/path`.
 * Throws `config` naming the text.
 */
export function parseGpsAddress(text: string): GpsAddress {
  if (text === 'gpsd') return { kind: 'gpsd', server: { host: '127.0.0.1', port: gpsdPort } }
  if (text.startsWith('/')) return { kind: 'serial', path: text }
  const [, scheme, rest = ''] = /^(gpsd:\/\/|tcp:\/\/|file:(?:\/\/(?=\/))?)(.+)$/.exec(text) ?? []
  switch (scheme) {
    case 'gpsd://':
      return { kind: 'gpsd', server: serverOf(/:\d+$/.test(rest) ? rest : `${rest}:${gpsdPort}`) }
    case 'tcp://':
      return { kind: 'tcp', server: serverOf(rest) }
    case undefined:
      throw new HeadwaterError(
        'config',
        `${JSON.stringify(text)} is no receiver: write gpsd, gpsd://HOST:PORT, tcp://HOST:PORT, the path of a serial device or file:PATH`
      )
    default:
      return { kind: 'file', path: rest }
  }
}

export function formatGpsAddress(address: GpsAddress): string {
  if (address.kind === 'serial') return address.path
  if (address.kind === 'file') return `file:${address.path}`
  return `${address.kind}://${formatListenAddress(address.server)}`
}

function serverOf(text: string): ListenAddress {
  const server = parseListenAddress(text)
  if (server.port > 0) return server
  throw new HeadwaterError('config', `${JSON.stringify(text)} must have a port from 1 to 65535`)
}
