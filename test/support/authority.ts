import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from './certificate.ts'

export interface CertificateOptions {
  /** `/CN=…` by default. */
  readonly subject?: string
  /** Negative: it ended that many days ago. */
  readonly days?: number
}

/** A certificate authority made with openssl; paths of PEM files in its directory. */
export class Authority implements Certificate {
  readonly cert: string
  readonly key: string
  readonly #directory: string

  private constructor(directory: string, name: string) {
    this.#directory = directory
    this.cert = join(directory, `${name}.pem`)
    this.key = join(directory, `${name}.key`)
  }

  /** Undefined where openssl is absent. */
  static make(directory: string, name = 'ca'): Authority | undefined {
    const authority = new Authority(directory, name)
    const files = ['-keyout', authority.key, '-out', authority.cert]
    try {
      openssl(['req', '-x509', ...newKey, '-days', '9', '-subj', `/CN=${name}`, ...files])
    } catch {
      return undefined
    }
    return authority
  }

  /** A certificate for a client or a server on this machine. */
  issue(name: string, options: CertificateOptions = {}): Certificate {
    const { subject = `/CN=${name}`, days = 2 } = options
    const made = {
      cert: join(this.#directory, `${name}.pem`),
      key: join(this.#directory, `${name}.key`)
    }
    const request = join(this.#directory, `${name}.csr`)
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
    openssl(['req', ...newKey, '-subj', subject, ...names, '-keyout', made.key, '-out', request])
    const signer = [
      '-CA',
      this.cert,
      '-CAkey',
      this.key,
      '-CAcreateserial',
      '-copy_extensions',
      'copy'
    ]
    openssl(['x509', '-req', '-in', request, ...signer, '-days', String(days), '-out', made.cert])
    return made
  }

  /** An authority below this one. */
  below(name: string): Authority {
    const authority = new Authority(this.#directory, name)
    const request = join(this.#directory, `${name}.csr`)
    const may = ['-addext', 'basicConstraints=critical,CA:TRUE']
    openssl([
      'req',
      ...newKey,
      '-subj',
      `/CN=${name}`,
      ...may,
      '-keyout',
      authority.key,
      '-out',
      request
    ])
    const signer = [
      '-CA',
      this.cert,
      '-CAkey',
      this.key,
      '-CAcreateserial',
      '-copy_extensions',
      'copy'
    ]
    openssl(['x509', '-req', '-in', request, ...signer, '-days', '9', '-out', authority.cert])
    return authority
  }

  /** Path of a list that calls `revoked` back. */
  revocationList(revoked: Certificate): string {
    const list = join(this.#directory, 'crl.pem')
    const settings = join(this.#directory, 'crl.cnf')
    const index = join(this.#directory, 'index.txt')
    writeFileSync(index, '')
    writeFileSync(settings, `[ca]\ndefault_ca=it\n[it]\ndatabase=${index}\ndefault_md=sha256\n`)
    const by = ['-config', settings, '-cert', this.cert, '-keyfile', this.key]
    openssl(['ca', ...by, '-revoke', revoked.cert])
    openssl(['ca', ...by, '-gencrl', '-crldays', '9', '-out', list])
    return list
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' })
}
