import type { Ack } from '../../../shared/wire/ack.ts'
import type { StoredFrame } from '../../buffer/buffer.ts'

/** How batches reach one gateway. */
export interface Transport {
  /** For logs and metrics: scheme, host and port, never a secret. */
  readonly name: string
  /**
   * Sends one batch and resolves with the Ack that names it; that Ack may be a refusal.
   * Anything else rejects, and nothing is known of the batch: with `transport` when there is no
   * connection or it is cut, with `no_ack` for a page of a captive portal or an Ack of another batch,
   * with `unauthorized` for a gateway that refuses who we are without naming the batch, and with
   * `invalid` or `too_large` for a frame whose body cannot be read, where the format needs that. May
   * be called several times at once; batches leave in the order of the calls.
   */
  send(frame: StoredFrame, signal: AbortSignal): Promise<Ack>
  /** Bytes written and read since the start, for the watchdog that rebuilds a stalled connection. */
  bytesMoved(): number
  /** Connections made since the start; each costs its handshakes. */
  connections(): number
  /** Drops the connection; the next `send` makes a new one. Pending sends reject with `transport`. */
  reset(): Promise<void>
  close(): Promise<void>
}

/** The format of the batches; the Ack comes back in the same. */
export type WireFormat = 'cbor' | 'json'

export interface TransportOptions {
  /** `http:`, `https:`, `mqtt:` or `mqtts:` */
  readonly url: URL
  readonly device: string
  /** Read anew at each connection, so that a rotated token is taken without a restart. */
  readonly token: (() => Promise<string | undefined>) | undefined
  readonly format: WireFormat
  /** Compress what is not compressed already. */
  readonly gzip: boolean
  readonly tls: TlsOptions
  /** No Ack within this time is a transport failure. Milliseconds. */
  readonly timeoutMs: number
}

export interface TlsOptions {
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string
  /** PEM of the client certificate and its key. */
  readonly cert?: string
  readonly key?: string
  /** Accept any certificate; only for trying things out. */
  readonly insecure?: boolean
}
