import type { FastifyRequest } from 'fastify'
import { HeadwaterError } from '../../../shared/errors.ts'
import { isLoopback } from '../../../shared/listen-address.ts'
import type { Admission, Credentials, Principal } from '../../admission/admission.ts'
import { peerCertificate } from '../tls/peer-certificate.ts'

/** Added by proxies: then the peer is not the sender, and its being on loopback says nothing. */
const forwardedHeaders = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'] as const

/** Who a request comes from, and what it may do. */
export class Access {
  readonly #admission: Admission

  constructor(admission: Admission) {
    this.#admission = admission
  }

  /**
   * Who may write records; `given` is a token that came elsewhere than in a Bearer header. Rejects
   * with `unauthorized`, `forbidden`.
   */
  async writer(request: FastifyRequest, given?: string): Promise<Principal> {
    const token = given ?? bearerToken(request)
    const principal = await this.#admission.authenticate({
      loopback: isLocal(request),
      ...peerOf(request),
      ...(token === undefined ? {} : { token })
    })
    if (principal.device === undefined) refusePages(request)
    return principal
  }

  /**
   * Who may read and administer streams: anybody on loopback, elsewhere a device with that right.
   * The signal aborts when the right is revoked; there is none on loopback.
   */
  async operator(request: FastifyRequest): Promise<AbortSignal | undefined> {
    if (isLocal(request)) {
      refusePages(request)
      return undefined
    }
    const principal = await this.writer(request)
    requireAdmin(principal)
    return principal.revoked
  }

  /** Who may see the account of a device: an operator, and the device itself. */
  async inspector(request: FastifyRequest, device: string): Promise<void> {
    if (isLocal(request)) return refusePages(request)
    const principal = await this.writer(request)
    if (principal.device !== device) requireAdmin(principal)
  }
}

function requireAdmin({ admin, device }: Principal): void {
  if (admin) return
  throw new HeadwaterError(
    'forbidden',
    `device "${device}" may only write; reading and administration need a device added with --admin`
  )
}

function bearerToken(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization
  if (header === undefined) return undefined
  const match = /^Bearer +([^\s]+) *$/i.exec(header)
  if (!match) {
    throw new HeadwaterError('unauthorized', 'Authorization must be "Bearer" and a device token')
  }
  return match[1]
}

function peerOf({ socket }: FastifyRequest): Pick<Credentials, 'address' | 'certificate'> {
  const certificate = peerCertificate(socket)
  return { address: socket.remoteAddress ?? '', ...(certificate ? { certificate } : {}) }
}

function isLocal(request: FastifyRequest): boolean {
  if (!isLoopback(request.socket.remoteAddress ?? '')) return false
  return forwardedHeaders.every((name) => request.headers[name] === undefined)
}

/**
 * Loopback needs no token, so a page in a browser on this machine must not get in: neither one that
 * posts to another origin, nor one whose own name was made to resolve to 127.0.0.1.
 */
function refusePages(request: FastifyRequest): void {
  const { origin, host = 'localhost', 'sec-fetch-site': site } = request.headers
  // A picture in a page is asked for without an origin.
  const isForeign = site === 'cross-site' || (origin !== undefined && !isLocalUrl(origin))
  if (isLocalUrl(`http://${host}`) && !isForeign) return
  throw new HeadwaterError(
    'forbidden',
    'requests without a token must be made to localhost or an IP address, and not by a page of another site'
  )
}

/** Nobody can buy a name without a dot, and an IP address cannot be made to resolve elsewhere. */
function isLocalUrl(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { hostname } = new URL(url)
  return /^[\d.]+$|^\[.*\]$|^[\w-]+$|\.(localhost|local)$/.test(hostname)
}
