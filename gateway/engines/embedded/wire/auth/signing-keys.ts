import type { CredentialScope } from './request-signature.ts'
import { signingKey } from './signed-text.ts'

/** A few regions and two days for each secret; clients choose the region. */
const maxKeys = 256

/** Signing keys that were derived lately; all are forgotten when there are too many. */
export class SigningKeys {
  readonly #keys = new Map<string, Buffer>()

  keyOf(secret: string, scope: CredentialScope): Buffer {
    const { date, region, service, terminator } = scope
    const name = JSON.stringify([secret, date, region, service, terminator])
    const known = this.#keys.get(name)
    if (known) return known
    if (this.#keys.size >= maxKeys) this.#keys.clear()
    const key = signingKey(secret, scope)
    this.#keys.set(name, key)
    return key
  }
}
