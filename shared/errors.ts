/** Codes an Ack can carry; see `shared/wire/ack.ts`. */
export type AckCode =
  | 'ok'
  | 'throttled'
  | 'out_of_order'
  | 'too_large'
  | 'invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'unknown_stream'
  | 'unavailable'

export interface ErrorKind {
  /** HTTP status this code is answered with. */
  readonly status: number
  /** What an agent is told. */
  readonly ack: AckCode
  /** Whether the same thing may succeed later with nothing changed by the caller. */
  readonly retryable: boolean
  readonly meaning: string
}

/** Every code of the product. `docs/reference/errors.md` is made from this table. */
export const errorKinds = {
  invalid: {
    status: 400,
    ack: 'invalid',
    retryable: false,
    meaning: 'The input cannot be understood; the message names the field.'
  },
  too_large: {
    status: 413,
    ack: 'too_large',
    retryable: false,
    meaning: 'A record, batch, header or packet is over its limit; the message gives the limit.'
  },
  unauthorized: {
    status: 401,
    ack: 'unauthorized',
    retryable: false,
    meaning: 'The token or certificate is missing, wrong, expired or revoked.'
  },
  forbidden: {
    status: 403,
    ack: 'forbidden',
    retryable: false,
    meaning: 'The device is known but may not do this: write as another device, or to this stream.'
  },
  unknown_stream: {
    status: 404,
    ack: 'unknown_stream',
    retryable: false,
    meaning: 'No such stream; the message names those that exist.'
  },
  not_found: {
    status: 404,
    ack: 'invalid',
    retryable: false,
    meaning: 'No such path, shard or device.'
  },
  conflict: {
    status: 409,
    ack: 'invalid',
    retryable: false,
    meaning: 'What is to be made exists already, or is in a state that does not allow this.'
  },
  out_of_order: {
    status: 409,
    ack: 'out_of_order',
    retryable: true,
    meaning: 'The batch before this one has not arrived; send from there again.'
  },
  throttled: {
    status: 429,
    ack: 'throttled',
    retryable: true,
    meaning: 'Over a quota or over what the stream can take; send again after Retry-After.'
  },
  unavailable: {
    status: 503,
    ack: 'unavailable',
    retryable: true,
    meaning: 'Not durable yet: the engine, the disk or the memory bound is in the way; send again.'
  },
  transport: {
    status: 502,
    ack: 'unavailable',
    retryable: true,
    meaning:
      'The connection was cut, refused or silent for too long. Nothing is known of the batch.'
  },
  no_ack: {
    status: 502,
    ack: 'unavailable',
    retryable: true,
    meaning: 'Something else answered in the place of the gateway: a proxy, a captive portal.'
  },
  config: {
    status: 500,
    ack: 'invalid',
    retryable: false,
    meaning: 'The configuration or the command line is wrong; the message names file, line and key.'
  },
  port_taken: {
    status: 500,
    ack: 'unavailable',
    retryable: false,
    meaning: 'A port is in use; the message names the flag that moves it.'
  },
  no_input: {
    status: 500,
    ack: 'unavailable',
    retryable: false,
    meaning: 'Standard input cannot be read, or was closed or empty when the agent started.'
  },
  store_full: {
    status: 503,
    ack: 'unavailable',
    retryable: true,
    meaning: 'The disk is full, read-only or below its floor, or the buffer is at its cap.'
  },
  store_corrupt: {
    status: 503,
    ack: 'unavailable',
    retryable: false,
    meaning: 'A store file is damaged; it is set aside and what can be read is salvaged.'
  },
  store_too_new: {
    status: 500,
    ack: 'unavailable',
    retryable: false,
    meaning: 'A store file was written by a newer version of this program; run that one.'
  },
  store_locked: {
    status: 500,
    ack: 'unavailable',
    retryable: false,
    meaning: 'Another process uses this data directory.'
  },
  internal: {
    status: 500,
    ack: 'unavailable',
    retryable: true,
    meaning: 'A defect in this program; the log has the cause.'
  }
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorKinds

/** The only error class that crosses a wall of this house. */
export class HeadwaterError extends Error {
  readonly code: ErrorCode
  /** How long the caller should wait before it tries again, where that is known. Milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number } = {}
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'HeadwaterError'
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }

  get kind(): ErrorKind {
    return errorKinds[this.code]
  }

  get retryable(): boolean {
    return this.kind.retryable
  }
}

/** What was thrown, as ours: a `HeadwaterError` stays, anything else becomes `code` with its cause. */
export function asHeadwaterError(thrown: unknown, code: ErrorCode = 'internal'): HeadwaterError {
  if (thrown instanceof HeadwaterError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new HeadwaterError(code, message, { cause: thrown })
}
