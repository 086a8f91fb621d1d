import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls'
import { fail, type Finding, ok, warn } from './finding.ts'

/** From so long before its end a certificate should be renewed. */
const soonMs = 14 * 86_400_000

/** Of OpenSSL, as Node names them. */
const todos: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'renew it, or set the clock of this device if that is wrong',
  CERT_NOT_YET_VALID: 'set the clock of this device',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is its own authority: give it as tls.ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not known here: give that as tls.ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not known here: give that as tls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the gateway must send the certificates in between, or give the authority as tls.ca'
}

interface CertificateView {
  readonly host: string
  /** `tls.insecure`: nothing is checked when records are sent. */
  readonly insecure: boolean
  readonly nowMs: number
}

/** What the peer showed: whether it is to be believed, whose it is, and how long it lasts. */
export function certificateFindings(socket: TLSSocket, view: CertificateView): Finding[] {
  const certificate = socket.getPeerCertificate(true)
  const { authorizationError } = socket
  // Node has an Error in the types and a code at run time.
  const code = authorizationError ? String(authorizationError) : undefined
  const nameError = checkServerIdentity(view.host, certificate)
  if (view.insecure) {
    return [warn('certificates are not checked (tls.insecure)', 'give the authority as tls.ca')]
  }
  if (code !== undefined && code !== 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return [
      fail(`certificate of ${nameOf(certificate)}: ${code}`, todos[code] ?? 'see the gateway')
    ]
  }
  if (nameError) {
    const names = certificate.subjectaltname ?? nameOf(certificate)
    return [
      fail(`the certificate is for ${names}`, `write one of these in "to" instead of ${view.host}`)
    ]
  }
  return [lifeFinding(certificate, view.nowMs)]
}

function lifeFinding(certificate: PeerCertificate, nowMs: number): Finding {
  const endMs = Date.parse(certificate.valid_to)
  const days = Math.floor((endMs - nowMs) / 86_400_000)
  const what = `TLS with ${nameOf(certificate)}, certificate good for ${days} days`
  return endMs - nowMs < soonMs ? warn(what, 'renew it') : ok(what)
}

/** Certificates of today may have no common name. */
function nameOf({ subject, subjectaltname }: PeerCertificate): string {
  const name: unknown = subject?.CN
  return typeof name === 'string' ? name : (subjectaltname ?? 'nobody')
}
