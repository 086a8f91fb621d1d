import { type ErrorCode, HeadwaterError } from '../../../shared/errors.ts'

/** What was asked of which stream, for the message. */
export interface ServiceCall {
  readonly operation: string
  readonly region: string
  readonly endpoint?: string
  readonly stream?: string
}

const throttling = new Set([
  'ProvisionedThroughputExceededException',
  'LimitExceededException',
  'KMSThrottlingException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException'
])

const refusals: Readonly<Record<string, ErrorCode>> = {
  ResourceNotFoundException: 'unknown_stream',
  ResourceInUseException: 'conflict',
  ValidationException: 'invalid',
  InvalidArgumentException: 'invalid'
}

/** What to do about errors that only a person can end. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /^(RequestExpired|RequestTimeTooSkewed|RequestInTheFuture)/,
    'the clock of this machine is wrong; set it (NTP)'
  ],
  [/^ExpiredToken/, 'the credentials have expired; renew them'],
  [
    /^AccessDenied/,
    'allow the actions that docs/guides/write-to-amazon-kinesis.md lists in the IAM policy, and check the region'
  ],
  [
    /^(UnrecognizedClient|InvalidClientTokenId|InvalidSignature|IncompleteSignature|MissingAuthenticationToken|SignatureDoesNotMatch|NotAuthorized|OptInRequired)/,
    'check the credentials and the region'
  ],
  [
    /^(CredentialsProviderError|TokenProviderError)/,
    'give credentials by the environment, a profile, or the role of the machine'
  ],
  [/^KMS/, 'check the key that encrypts the stream']
]

/**
 * A failed call as ours: `throttled`, `unknown_stream`, `conflict` and `invalid` where the service
 * said so; `transport` when nothing is known of the call; `unavailable` for all else, with what to do.
 */
export function serviceError(thrown: unknown, call: ServiceCall): HeadwaterError {
  if (thrown instanceof HeadwaterError) return thrown
  const name = textOf(thrown, 'name')
  const message = textOf(thrown, 'message')
  const place = placeOf(call)
  const said = `${call.operation} ${place}: ${name}${message === '' ? '' : `: ${message}`}`
  if (throttling.has(name)) return new HeadwaterError('throttled', said, { cause: thrown })
  const code = Object.hasOwn(refusals, name) ? refusals[name] : undefined
  if (code === 'unknown_stream') {
    return new HeadwaterError(code, `no stream ${place}; make it first`, { cause: thrown })
  }
  if (code) return new HeadwaterError(code, said, { cause: thrown })
  const remedy = remedyFor(name, message)
  if (remedy) return new HeadwaterError('unavailable', `${said}; ${remedy}`, { cause: thrown })
  if (isAnswer(thrown)) return new HeadwaterError('unavailable', said, { cause: thrown })
  const advice = `${said}; nothing is known of the call; is ${call.endpoint ?? `Kinesis in ${call.region}`} reachable from here?`
  return new HeadwaterError('transport', advice, { cause: thrown })
}

/** For an answer that is well but lacks `member`, which every answer of the service has. */
export function incompleteAnswer(operation: string, member: string, place = ''): HeadwaterError {
  const of = place === '' ? '' : ` "${place}"`
  const message = `${operation}${of}: an answer without ${member}; something other than Kinesis answers`
  return new HeadwaterError('transport', message)
}

function remedyFor(name: string, message: string): string | undefined {
  // Kinesis reports a wrong clock as a wrong signature and names both times.
  if (/^(InvalidSignature|SignatureDoesNotMatch)/.test(name) && isSkew(message)) {
    return 'the clock of this machine is wrong; set it (NTP)'
  }
  return remedies.find(([pattern]) => pattern.test(name))?.[1]
}

function isSkew(message: string): boolean {
  return /signature (expired|not yet current)/i.test(message)
}

function placeOf({ stream, region, endpoint }: ServiceCall): string {
  const where = endpoint === undefined ? `in region ${region}` : `at ${endpoint}, region ${region}`
  return stream === undefined ? where : `"${stream}" ${where}`
}

/** Whether the service answered, if with an error. */
function isAnswer(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null || !('$metadata' in thrown)) return false
  const { $metadata } = thrown
  return (
    typeof $metadata === 'object' &&
    $metadata !== null &&
    'httpStatusCode' in $metadata &&
    $metadata.httpStatusCode !== undefined
  )
}

function textOf(thrown: unknown, field: 'name' | 'message'): string {
  if (!(thrown instanceof Error)) return field === 'message' ? String(thrown) : ''
  return thrown[field]
}
