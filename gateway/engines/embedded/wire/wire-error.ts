/** Errors of the service, by `__type`; each with its HTTP status. */
export const wireErrors = {
  AccessDeniedException: 400,
  DryRunOperationException: 400,
  ExpiredIteratorException: 400,
  ExpiredNextTokenException: 400,
  IncompleteSignatureException: 400,
  InternalFailure: 500,
  InternalFailureException: 500,
  InvalidArgumentException: 400,
  InvalidSignatureException: 400,
  LimitExceededException: 400,
  MissingAuthenticationTokenException: 400,
  ProvisionedThroughputExceededException: 400,
  ResourceInUseException: 400,
  ResourceNotFoundException: 400,
  SerializationException: 400,
  UnknownOperationException: 400,
  UnrecognizedClientException: 400,
  ValidationException: 400
} as const

export type WireErrorType = keyof typeof wireErrors

/** An error that a client of the wire API is answered with. */
export class WireError extends Error {
  readonly type: WireErrorType

  constructor(type: WireErrorType, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'WireError'
    this.type = type
  }
}
