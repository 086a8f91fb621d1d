import type { HttpRequest } from '../transport/http-exchange.ts'
import { WireError } from '../wire-error.ts'
import { formatBasicTime, type RequestSignature } from './request-signature.ts'

const service = 'kinesis'
const terminator = 'aws4_request'
const skewMs = 5 * 60_000

/** Throws `InvalidSignatureException` for a key that is meant for something else. */
export function requireScope({ scope, time }: RequestSignature): void {
  if (scope.service !== service) {
    throw invalid(`Credential should be scoped to correct service: '${service}'.`)
  }
  if (scope.terminator !== terminator) {
    throw invalid(`Credential should be scoped with a valid terminator: '${terminator}'.`)
  }
  const day = time.slice(0, 8)
  if (scope.date !== day) {
    throw invalid(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scope.date}' != '${day}', from '${time}'.`
    )
  }
}

/** Throws `InvalidSignatureException` unless what decides what the request does is signed. */
export function requireSignedHeaders({ signedHeaders }: RequestSignature): void {
  if (!signedHeaders.includes('host') && !signedHeaders.includes(':authority')) {
    throw invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
  }
  if (!signedHeaders.includes('x-amz-target')) {
    throw invalid("'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.")
  }
}

/** Throws `InvalidSignatureException` for a signature of another time; clients correct their clock by it. */
export function requireInTime({ time, expiresSeconds }: RequestSignature, nowMs: number): void {
  const signedMs = Date.parse(time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Number.isNaN(signedMs)) throw invalid(`'${time}' is not a date.`)
  const lifeMs = expiresSeconds === undefined ? skewMs : expiresSeconds * 1000
  const now = formatBasicTime(nowMs)
  if (signedMs < nowMs - lifeMs) {
    const life = expiresSeconds === undefined ? '5 min.' : `${expiresSeconds} sec.`
    const earliest = formatBasicTime(nowMs - lifeMs)
    throw invalid(`Signature expired: ${time} is now earlier than ${earliest} (${now} - ${life})`)
  }
  if (signedMs > nowMs + skewMs) {
    const latest = formatBasicTime(nowMs + skewMs)
    throw invalid(
      `Signature not yet current: ${time} is still later than ${latest} (${now} + 5 min.)`
    )
  }
}

/**
 * What is signed for the body: its hash, or on an encrypted connection that it is not signed.
 * Throws `InvalidSignatureException` for a hash that is not that of the body.
 */
export function payloadHashOf({ headers }: HttpRequest, hash: string, encrypted: boolean): string {
  const claimed = headers['x-amz-content-sha256']
  if (claimed === undefined || claimed === hash) return hash
  if (claimed === 'UNSIGNED-PAYLOAD' && encrypted) return claimed
  throw invalid('The header x-amz-content-sha256 is not the SHA-256 of the body.')
}

function invalid(message: string): WireError {
  return new WireError('InvalidSignatureException', message)
}
