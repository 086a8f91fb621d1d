import type { ListenAddress } from '../../../../shared/listen-address.ts'
import type { Secret } from '../../../../shared/secret.ts'
import type { Operations } from './operation.ts'
import type { Certificate } from './transport/certificate.ts'
import type { ListenerLimits } from './transport/wire-listener.ts'
import type { WireContext } from './wire-context.ts'

/** A user of the API. */
export interface Credentials {
  readonly accessKeyId: string
  /** A secret in a file is read at the start. */
  readonly secretAccessKey: Secret | string
}

export interface WireServerLimits extends ListenerLimits {
  /** Largest body; PutRecords of 10 MiB takes 14 MiB in JSON. Bytes. */
  readonly bodyBytes: number
  /** All bodies in memory. Bytes. */
  readonly poolBytes: number
  /** All large answers in memory. Bytes. */
  readonly answerPoolBytes: number
  /** How long a body, or an answer, waits for room among them. Milliseconds. */
  readonly poolWaitMs: number
}

export const wireServerLimits: WireServerLimits = {
  connections: 1000,
  streams: 250,
  headersTimeoutMs: 10_000,
  keepAliveMs: 60_000,
  bodyBytes: 16 * 1024 * 1024,
  bodyTimeoutMs: 20_000,
  poolBytes: 128 * 1024 * 1024,
  answerPoolBytes: 128 * 1024 * 1024,
  poolWaitMs: 5000
}

/** A certificate that may change while the server runs. */
export interface CertificateSource {
  current(): Certificate
  /** Calls `listener` with a new one, for connections that are made from then on. */
  onChange(listener: (certificate: Certificate) => void): void
}

export interface KinesisServerOptions {
  readonly context: WireContext
  /** Cleartext, HTTP/1.1 and HTTP/2 on one port. */
  readonly listen?: ListenAddress
  readonly tls?: {
    readonly listen: ListenAddress
    /** One is made, and kept in `directory`, when none is given. */
    readonly certificate?: CertificateSource
  }
  /** Where a certificate that was made is kept. */
  readonly directory: string
  /** Absent: whoever can reach the server may do all, which must be this machine alone. */
  readonly credentials?: readonly Credentials[]
  readonly limits?: Partial<WireServerLimits>
  /** Default: all operations of the API. */
  readonly operations?: Operations
}
