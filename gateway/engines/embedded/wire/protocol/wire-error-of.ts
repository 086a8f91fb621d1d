import { type ErrorCode, HeadwaterError } from '../../../../../shared/errors.ts'
import { WireError, type WireErrorType } from '../wire-error.ts'

/** What the engine's errors are called here; any other is a failure of the service, to be tried again. */
const typeOfCode: Partial<Readonly<Record<ErrorCode, WireErrorType>>> = {
  invalid: 'InvalidArgumentException',
  too_large: 'ValidationException',
  unauthorized: 'AccessDeniedException',
  forbidden: 'AccessDeniedException',
  unknown_stream: 'ResourceNotFoundException',
  not_found: 'ResourceNotFoundException',
  conflict: 'ResourceInUseException',
  throttled: 'ProvisionedThroughputExceededException'
}

/** Whatever was thrown, as what the client is told. The cause of a defect stays on this side. */
export function wireErrorOf(thrown: unknown): WireError {
  if (thrown instanceof WireError) return thrown
  if (!(thrown instanceof HeadwaterError) || thrown.code === 'internal') {
    return new WireError(
      'InternalFailure',
      'An internal failure; the log of the gateway has the cause.',
      {
        cause: thrown
      }
    )
  }
  return new WireError(typeOfCode[thrown.code] ?? 'InternalFailure', thrown.message, {
    cause: thrown
  })
}

/** Whether a person should look at it: neither the client's mistake nor a state that passes. */
export function isDefect({ type, cause }: WireError): boolean {
  if (type !== 'InternalFailure') return false
  return !(cause instanceof HeadwaterError) || cause.code === 'internal'
}
