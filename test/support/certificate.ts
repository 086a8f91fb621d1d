import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { TlsSettings, TlsSource } from '../../gateway/fronts/tls/tls-source.ts'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Paths of a self-signed certificate for 127.0.0.1 and localhost; undefined where openssl is absent. */
export function makeCertificate(directory: string): Certificate | undefined {
  const cert = join(directory, 'cert.pem')
  const key = join(directory, 'key.pem')
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  try {
    execFileSync(
      'openssl',
      ['req', ...kind, '-days', '2', ...subject, '-keyout', key, '-out', cert],
      {
        stdio: 'ignore'
      }
    )
  } catch {
    return undefined
  }
  return { cert, key }
}

/** Settings that never change. */
export function steadyTls(settings: TlsSettings): TlsSource {
  return { current: () => settings, onChange: () => undefined }
}
