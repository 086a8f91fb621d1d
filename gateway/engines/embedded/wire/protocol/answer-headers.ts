import type { Random } from '../../../../../shared/random.ts'
import { isLoopback } from '../../../../../shared/listen-address.ts'
import type { HttpRequest, HttpResponse } from '../transport/http-exchange.ts'

const exposed =
  'x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date'
const preflightSeconds = 172_800

/** What is drawn at once, and what one answer takes of it. Bytes. */
const drawnBytes = 4000
const idBytes = 40

/** Gives answers their names, for logs on both sides. */
export class RequestIds {
  readonly #random: Random
  #drawn: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(random: Random) {
    this.#random = random
  }

  set(response: HttpResponse): void {
    if (this.#at === this.#drawn.length) {
      this.#drawn = this.#random.bytes(drawnBytes)
      this.#at = 0
    }
    const hex = this.#drawn.toString('hex', this.#at, this.#at + 16)
    const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
    response.setHeader('x-amzn-RequestId', id)
    const second = this.#drawn.toString('base64', this.#at + 16, this.#at + idBytes)
    response.setHeader('x-amz-id-2', second)
    this.#at += idBytes
  }
}

/**
 * Lets pages read answers. Where nobody's signature is checked only pages of this machine may, or
 * any site that a user of this machine opens could read its streams.
 */
export function setCors(
  { headers, method }: HttpRequest,
  response: HttpResponse,
  openToAll: boolean
): void {
  const { origin } = headers
  if (origin === undefined || !(openToAll || isLocalOrigin(origin))) return
  response.setHeader('access-control-allow-origin', openToAll ? '*' : origin)
  response.setHeader('vary', 'origin')
  response.setHeader('access-control-expose-headers', exposed)
  if (method !== 'OPTIONS') return
  const asked = headers['access-control-request-headers']
  if (asked !== undefined) response.setHeader('access-control-allow-headers', asked)
  response.setHeader('access-control-allow-methods', 'POST')
  response.setHeader('access-control-max-age', preflightSeconds)
}

function isLocalOrigin(origin: string): boolean {
  if (!URL.canParse(origin)) return false
  return isLoopback(new URL(origin).hostname.replace(/^\[|\]$/g, ''))
}
