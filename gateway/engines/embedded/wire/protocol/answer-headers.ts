import type { Random } from '../../../../../shared/random.ts'
import { isLoopback } from '../../../../../shared/listen-address.ts'
import type { HttpRequest, HttpResponse } from '../transport/http-exchange.ts'

const exposed =
  'x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date'
const preflightSeconds = 172_800

/** The names of an answer, for logs on both sides. */
export function setRequestIds(response: HttpResponse, random: Random): void {
  const bytes = random.bytes(40)
  const hex = bytes.toString('hex', 0, 16)
  const id = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20)
  ]
  response.setHeader('x-amzn-RequestId', id.join('-'))
  response.setHeader('x-amz-id-2', bytes.toString('base64', 16))
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
