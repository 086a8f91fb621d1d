import type { Server, TLSSocket } from 'node:tls'
import type { Clock } from '../../../shared/clock.ts'
import type { Log } from '../../../shared/log.ts'
import type { Certificate } from '../../admission/admission.ts'
import { RareLog } from '../../../shared/rare-log.ts'
import { TlsHandshakes } from '../../../shared/tls-handshakes.ts'
import { shownCertificate } from './peer-certificate.ts'
import type { ClientSettings } from './tls-source.ts'

export interface GuardOptions {
  /** Undefined: nobody is asked for a certificate. */
  readonly auth: ClientSettings['auth'] | undefined
  /** How long a handshake may take. Milliseconds. */
  readonly handshakeTimeoutMs: number
  readonly clock: Clock
  readonly log: Log
}

/**
 * Lets only clients with a good certificate past the TLS handshake; with `allow` also those that
 * show none. The others get a close_notify before a byte of theirs is read, and a line in the log.
 * To be called when the server has its listeners. What it returns is to be closed with the server.
 */
export function guardPeers(server: Server, options: GuardOptions): TlsHandshakes {
  const { auth, handshakeTimeoutMs: timeoutMs, clock, log } = options
  const lines = new RareLog(clock, log)
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    // A port that was looked at and left: nobody failed.
    if (error.code === 'ECONNRESET') return
    lines.warn({ error, peer: socket.remoteAddress }, 'TLS handshake failed')
  })
  if (auth !== undefined) admitCertified(server, auth, lines)
  return new TlsHandshakes(server, {
    clock,
    timeoutMs,
    onTimeout: ({ remoteAddress: peer }) => {
      lines.warn({ reason: 'timeout', peer }, 'TLS handshake failed')
    }
  })
}

function admitCertified(server: Server, auth: ClientSettings['auth'], lines: RareLog): void {
  const serve = server.listeners('secureConnection')
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket) => {
    const certificate = shownCertificate(socket)
    const reason = problemOf(socket, { auth, certificate })
    if (reason === undefined) {
      for (const listener of serve) listener.call(server, socket)
      return
    }
    lines.warn(
      { reason, device: certificate?.name, peer: socket.remoteAddress },
      'client certificate refused'
    )
    socket.on('error', () => undefined)
    socket.destroySoon()
  })
}

function problemOf(
  socket: TLSSocket,
  {
    auth,
    certificate
  }: Pick<ClientSettings, 'auth'> & { readonly certificate: Certificate | undefined }
): string | undefined {
  if (socket.authorized) return undefined
  if (certificate) return String(socket.authorizationError)
  return auth === 'require' ? 'NO_CERTIFICATE' : undefined
}
