import { HeadwaterError } from '../../../shared/errors.ts'
import type { ListenAddress } from '../../../shared/listen-address.ts'
import { formatSyslogAddress, type SyslogAddress } from './syslog-address.ts'

/** What listens, over whichever protocol. */
export interface Port {
  /** Where it listens while it is open. */
  readonly address: ListenAddress | undefined
  /** Rejects with `port_taken` or `config`, naming the address. */
  open(): Promise<void>
  /** Takes nothing more; resolves when all that was taken was handed on. */
  close(): Promise<void>
}

/** What a port hands on, and asks before it takes more. */
export interface Receiver {
  /** `bytes` may be kept. */
  message(bytes: Buffer, about: { readonly peer: string; readonly cut: boolean }): void
  readonly full: boolean
  /** Resolves when there is room, or when nothing is wanted any more; the room is not reserved. */
  room(): Promise<void>
  allows(peer: string): boolean
  problem(reason: PortProblem): void
}

export type PortProblem =
  | 'dropped_datagram'
  | 'refused_peer'
  | 'refused_connection'
  | 'lost_connection'
  | 'idle_connection'

export function listenFailure(
  address: SyslogAddress,
  cause: NodeJS.ErrnoException
): HeadwaterError {
  const text = formatSyslogAddress(address)
  if (cause.code === 'EADDRINUSE') {
    const message = `${text} is in use by another program; choose another port in syslog:`
    return new HeadwaterError('port_taken', message, { cause })
  }
  const hint = cause.code === 'EACCES' ? '; ports below 1024 need CAP_NET_BIND_SERVICE' : ''
  return new HeadwaterError('config', `cannot listen on ${text}: ${cause.message}${hint}`, {
    cause
  })
}
