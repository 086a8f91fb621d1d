import type { Clock } from '../../../../../shared/clock.ts'
import type { HttpRequest } from '../transport/http-exchange.ts'
import { WireError } from '../wire-error.ts'
import { parseSignature } from './request-signature.ts'
import {
  payloadHashOf,
  requireInTime,
  requireScope,
  requireSignedHeaders
} from './signature-rules.ts'
import { hashOf, isSameText, signRequest } from './signed-text.ts'
import { SigningKeys } from './signing-keys.ts'

export interface AuthenticatorOptions {
  /** Secrets by access key id. Absent: a signature only has to be there and well-formed. */
  readonly secrets?: ReadonlyMap<string, string>
  readonly clock: Clock
}

/** A request whose body has not come yet. */
export interface SignedRequest {
  /** Of the credential scope. */
  readonly region: string
  /** Throws `InvalidSignatureException` when the signature is not that of this request with this body. */
  verify(body: Buffer): void
}

const mismatch =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.'

/** Says whether a request was signed by somebody known (AWS Signature Version 4). */
export class Authenticator {
  readonly #options: AuthenticatorOptions
  readonly #keys = new SigningKeys()

  constructor(options: AuthenticatorOptions) {
    this.#options = options
  }

  /** Whether signatures are checked at all. */
  get verifies(): boolean {
    return this.#options.secrets !== undefined
  }

  /**
   * What can be said before the body is there; `encrypted` is the connection. Throws `MissingAuthenticationTokenException`,
   * `IncompleteSignatureException`, `UnrecognizedClientException`, `InvalidSignatureException`.
   */
  begin(request: HttpRequest, encrypted: boolean): SignedRequest {
    const { secrets, clock } = this.#options
    const signature = parseSignature(request)
    const { region } = signature.scope
    if (!secrets) return { region, verify: () => {} }
    const secret = secrets.get(signature.accessKeyId)
    if (secret === undefined) {
      throw new WireError(
        'UnrecognizedClientException',
        'The security token included in the request is invalid.'
      )
    }
    requireScope(signature)
    requireSignedHeaders(signature)
    requireInTime(signature, clock.wallMs())
    const key = this.#keys.keyOf(secret, signature.scope)
    const verify = (body: Buffer) => {
      const payloadHash = payloadHashOf(request, hashOf(body), encrypted)
      const expected = signRequest(request, { signature, payloadHash, key })
      if (isSameText(expected, signature.signature)) return
      throw new WireError('InvalidSignatureException', mismatch)
    }
    return { region, verify }
  }
}
