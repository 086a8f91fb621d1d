import type { HttpRequest } from '../transport/http-exchange.ts'
import { WireError } from '../wire-error.ts'
import { queryOf } from './request-query.ts'

/** What a signing key is good for. */
export interface CredentialScope {
  /** `YYYYMMDD`. */
  readonly date: string
  readonly region: string
  readonly service: string
  readonly terminator: string
}

/** A signature as it came, in the header `Authorization` or in the query. */
export interface RequestSignature {
  readonly accessKeyId: string
  readonly scope: CredentialScope
  /** Lower case. */
  readonly signedHeaders: readonly string[]
  /** Hexadecimal. */
  readonly signature: string
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly time: string
  /** How long it is good for, where it says so itself. */
  readonly expiresSeconds?: number
}

const algorithm = 'AWS4-HMAC-SHA256'

/** Throws `MissingAuthenticationTokenException`, `IncompleteSignatureException`, `InvalidSignatureException`. */
export function parseSignature(request: HttpRequest): RequestSignature {
  const { authorization } = request.headers
  const query = new Map(queryOf(request))
  const inQuery = query.has('X-Amz-Algorithm')
  if (authorization === undefined && !inQuery) {
    throw new WireError('MissingAuthenticationTokenException', 'Missing Authentication Token')
  }
  if (authorization !== undefined && inQuery) {
    throw new WireError(
      'InvalidSignatureException',
      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    )
  }
  return authorization === undefined ? ofQuery(query) : ofHeader(authorization, request)
}

function ofHeader(authorization: string, { headers }: HttpRequest): RequestSignature {
  const [name, ...rest] = authorization.split(/[\s,]+/)
  if (name !== algorithm) throw unsupported(name)
  const parts = new Map(rest.map((part) => cutAt(part, '=')))
  const date = headers['x-amz-date'] ?? headers.date
  const missing = ['Credential', 'Signature', 'SignedHeaders']
    .filter((part) => !parts.get(part))
    .map((part) => `Authorization header requires '${part}' parameter. `)
  if (date === undefined) {
    missing.push(
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
    )
  }
  if (missing.length > 0) throw incomplete(`${missing.join('')}Authorization=${authorization}`)
  return {
    ...credentialOf(parts.get('Credential') ?? ''),
    signedHeaders: headerNames(parts.get('SignedHeaders') ?? ''),
    signature: parts.get('Signature') ?? '',
    time: basicTime(String(date))
  }
}

function ofQuery(query: ReadonlyMap<string, string>): RequestSignature {
  const valueOf = (name: string) => query.get(`X-Amz-${name}`) ?? ''
  if (valueOf('Algorithm') !== algorithm) throw unsupported(valueOf('Algorithm'))
  const missing = ['Credential', 'Signature', 'SignedHeaders', 'Date']
    .filter((name) => valueOf(name) === '')
    .map((name) => `AWS query-string parameters must include 'X-Amz-${name}'. `)
  if (missing.length > 0)
    throw incomplete(`${missing.join('')}Re-examine the query-string parameters.`)
  return {
    ...credentialOf(valueOf('Credential')),
    signedHeaders: headerNames(valueOf('SignedHeaders')),
    signature: valueOf('Signature'),
    time: basicTime(valueOf('Date')),
    ...(query.has('X-Amz-Expires') ? { expiresSeconds: expiryOf(valueOf('Expires')) } : {})
  }
}

function credentialOf(credential: string): Pick<RequestSignature, 'accessKeyId' | 'scope'> {
  const parts = credential.split('/')
  const [accessKeyId, date, region, service, terminator] = parts
  if (!accessKeyId || !date || !region || !service || !terminator || parts.length !== 5) {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`
    )
  }
  return { accessKeyId, scope: { date, region, service, terminator } }
}

function headerNames(list: string): readonly string[] {
  return list.toLowerCase().split(';')
}

/** The header `Date` may come in the form of HTTP. */
function basicTime(text: string): string {
  if (/^\d{8}T\d{6}Z$/.test(text)) return text
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) {
    throw incomplete(`Date must be in ISO-8601 'basic format'. Got '${text}'.`)
  }
  return formatBasicTime(ms)
}

/** `YYYYMMDDTHHMMSSZ` of milliseconds since the epoch. */
export function formatBasicTime(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')
}

function expiryOf(text: string): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= 604_800) return seconds
  throw incomplete(`X-Amz-Expires must be seconds from 1 to 604800, got '${text}'`)
}

function cutAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function unsupported(name: string | undefined): WireError {
  return incomplete(`Unsupported AWS 'algorithm': '${name}'; sign with ${algorithm}.`)
}

function incomplete(message: string): WireError {
  return new WireError('IncompleteSignatureException', message)
}
