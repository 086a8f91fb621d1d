import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Certificate } from '../../admission/admission.ts'

const known = new WeakMap<Socket, Certificate | 'none'>()

/**
 * The certificate of the other side; undefined: none was shown, an authority of ours does not vouch
 * for it, or the connection is not TLS.
 */
export function peerCertificate(socket: Socket): Certificate | undefined {
  return socket instanceof TLSSocket && socket.authorized ? shownCertificate(socket) : undefined
}

/** The certificate as it was at the first call, good or not. */
export function shownCertificate(socket: TLSSocket): Certificate | undefined {
  let certificate = known.get(socket)
  if (certificate === undefined) {
    certificate = read(socket) ?? 'none'
    known.set(socket, certificate)
  }
  return certificate === 'none' ? undefined : certificate
}

function read(socket: TLSSocket): Certificate | undefined {
  // Null when the socket is closed already, and without properties when there is no certificate.
  const shown = socket.getPeerCertificate() as ReturnType<TLSSocket['getPeerCertificate']> | null
  if (!shown?.subject) return undefined
  // An array when the subject has several, whatever the types say.
  const name: unknown = shown.subject.CN
  return {
    name: typeof name === 'string' ? name : undefined,
    expiresMs: Date.parse(shown.valid_to)
  }
}
