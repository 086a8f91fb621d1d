import type { TlsOptions } from './transport.ts'

/** As `node:tls` names it. */
export interface TlsConnection {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized: boolean
}

export function tlsConnection({ insecure, ...pem }: TlsOptions): TlsConnection {
  return { ...pem, rejectUnauthorized: insecure !== true }
}
