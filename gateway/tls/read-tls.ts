import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { HeadwaterError } from '../../shared/errors.ts'
import type { TlsSettings } from '../fronts/tls/tls-source.ts'
import type { PemPlace, TlsConfig } from '../tls-config.ts'

/** Settings that a listener can serve with, and how long. */
export interface ReadTls {
  readonly settings: TlsSettings
  /** End of the validity of the gateway's own certificate. Milliseconds since 1970. */
  readonly expiresMs: number
}

/**
 * Reads the files and tries what is in them. Rejects with `config`, which names the key and the
 * file.
 */
export async function readTls(config: TlsConfig): Promise<ReadTls> {
  const cert = await read('cert', config.cert)
  const key = await read('key', config.key)
  const leaf = tried('cert', config.cert, () => new X509Certificate(cert))
  const own = tried('key', config.key, () => createPrivateKey(key))
  if (!leaf.checkPrivateKey(own)) {
    throw mistake('key', config.key, { what: 'is not the key of the certificate in tls.cert' })
  }
  tried('cert', config.cert, () => createSecureContext({ cert, key }))
  const settings = { cert, key, ...(await readClients(config)) }
  return { settings, expiresMs: Date.parse(leaf.validTo) }
}

async function readClients({
  clientCa,
  clientCrl,
  clientAuth = 'require'
}: TlsConfig): Promise<Pick<TlsSettings, 'clients'>> {
  if (clientCa === undefined) return {}
  const ca = await read('clientCa', clientCa)
  tried('clientCa', clientCa, () => new X509Certificate(ca))
  if (clientCrl === undefined) return { clients: { ca, auth: clientAuth } }
  const crl = await read('clientCrl', clientCrl)
  tried('clientCrl', clientCrl, () => createSecureContext({ ca, crl }))
  return { clients: { ca, crl, auth: clientAuth } }
}

async function read(key: string, place: PemPlace): Promise<string> {
  if (typeof place === 'string') return place
  try {
    return await readFile(place.file, 'utf8')
  } catch (cause) {
    throw mistake(key, place, { what: `cannot be read: ${String(cause)}`, cause })
  }
}

function tried<T>(key: string, place: PemPlace, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw mistake(key, place, { what: `is not what it should be: ${String(cause)}`, cause })
  }
}

function mistake(
  key: string,
  place: PemPlace,
  { what, cause }: { readonly what: string; readonly cause?: unknown }
): HeadwaterError {
  const where = typeof place === 'string' ? `tls.${key}` : `tls.${key}: ${place.file}`
  return new HeadwaterError('config', `${where} ${what}`, { cause })
}
