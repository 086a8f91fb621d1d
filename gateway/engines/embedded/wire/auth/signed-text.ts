import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { HttpRequest } from '../transport/http-exchange.ts'
import { queryOf } from './request-query.ts'
import type { CredentialScope, RequestSignature } from './request-signature.ts'

// AWS Signature Version 4, as "Create a signed AWS API request" in the IAM User Guide describes it.

export interface SigningParts {
  readonly signature: Pick<RequestSignature, 'scope' | 'signedHeaders' | 'time'>
  /** Hexadecimal SHA-256 of the body, or what stands for it. */
  readonly payloadHash: string
  readonly key: Buffer
}

/** What the parts of a request that are signed look like to everybody. */
type SignedParts = Pick<HttpRequest, 'method' | 'url' | 'headers'>

/** The signature that a request should have, hexadecimal. */
export function signRequest(request: SignedParts, parts: SigningParts): string {
  const { signature, payloadHash, key } = parts
  const { date, region, service, terminator } = signature.scope
  const canonical = [
    request.method,
    canonicalPath(request),
    canonicalQuery(request),
    ...signature.signedHeaders.map((name) => `${name}:${headerOf(request, name)}`),
    '',
    signature.signedHeaders.join(';'),
    payloadHash
  ].join('\n')
  const text = [
    'AWS4-HMAC-SHA256',
    signature.time,
    [date, region, service, terminator].join('/'),
    hashOf(canonical)
  ].join('\n')
  return hmac(key, text).toString('hex')
}

/** The key that a secret gives for one scope. */
export function signingKey(secret: string, scope: CredentialScope): Buffer {
  const { date, region, service, terminator } = scope
  return [date, region, service, terminator].reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`))
}

/** Hexadecimal SHA-256. */
export function hashOf(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

/** Takes the same time wherever two texts of one length differ. */
export function isSameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function canonicalQuery(request: SignedParts): string {
  return queryOf(request)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** Encoded once more than it came, without empty and relative steps. */
function canonicalPath({ url = '/' }: SignedParts): string {
  const path = url.split('?', 1)[0] ?? '/'
  const steps: string[] = []
  for (const step of path.split('/')) {
    if (step === '..') steps.pop()
    else if (step !== '' && step !== '.') steps.push(encode(step))
  }
  const end = steps.length > 0 && path.endsWith('/') ? '/' : ''
  return `/${steps.join('/')}${end}`
}

/** HTTP/2 says `:authority` where HTTP/1.1 says `host`, and proxies turn one into the other. */
function headerOf({ headers }: SignedParts, name: string): string {
  const names = name === 'host' || name === ':authority' ? [name, 'host', ':authority'] : [name]
  const value = names.map((one) => headers[one]).find((one) => one !== undefined) ?? ''
  return String(value).trim().replace(/\s+/g, ' ')
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`
  )
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
