import type { SecureContextOptions, TlsOptions } from 'node:tls'

/** What a listener serves TLS with. All texts are PEM. */
export interface TlsSettings {
  /** The certificate, and those of its issuers behind it. */
  readonly cert: string
  readonly key: string
  /** Present: clients are asked for certificates. */
  readonly clients?: ClientSettings
}

export interface ClientSettings {
  /** Authorities whose certificates name devices. */
  readonly ca: string
  /** Certificates that were called back. */
  readonly crl?: string
  /** `require`: nobody comes in without one. `allow`: a token does as well. */
  readonly auth: 'require' | 'allow'
}

/** Settings that may change while the listener runs. */
export interface TlsSource {
  current(): TlsSettings
  /** Calls `listener` with new settings, for connections that are made from then on. */
  onChange(listener: (settings: TlsSettings) => void): void
}

/**
 * Options of a TLS server. It takes every client through the handshake; `guardPeers` then closes
 * those whose certificate is not good, and can say whose it was.
 */
export function serverOptions(settings: TlsSettings): TlsOptions {
  const { clients } = settings
  const asks = clients ? { requestCert: true, rejectUnauthorized: false } : {}
  return { ...contextOptions(settings), ...asks }
}

/** What `setSecureContext` takes. */
export function contextOptions({ cert, key, clients }: TlsSettings): SecureContextOptions {
  if (!clients) return { cert, key }
  const { ca, crl } = clients
  return { cert, key, ca, ...(crl === undefined ? {} : { crl }) }
}
