import { HeadwaterError } from '../../../shared/errors.ts'
import {
  formatListenAddress,
  type ListenAddress,
  parseListenAddress
} from '../../../shared/listen-address.ts'

/** Where and how messages are taken. */
export interface SyslogAddress extends ListenAddress {
  readonly protocol: 'udp' | 'tcp' | 'tls'
}

/** `udp://127.0.0.1:5514`, `tcp://…` or `tls://…`. Throws `config` naming the text. */
export function parseSyslogAddress(text: string): SyslogAddress {
  const [, protocol, address = ''] = /^(udp|tcp|tls):\/\/(.*)$/.exec(text) ?? []
  if (protocol === 'udp' || protocol === 'tcp' || protocol === 'tls') {
    return { protocol, ...parseListenAddress(address) }
  }
  throw new HeadwaterError(
    'config',
    `${JSON.stringify(text)} must begin with udp://, tcp:// or tls://, as in "udp://127.0.0.1:5514"`
  )
}

export function formatSyslogAddress(address: SyslogAddress): string {
  return `${address.protocol}://${formatListenAddress(address)}`
}
