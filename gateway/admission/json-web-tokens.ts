import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from 'jose'
import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import { isName } from '../../shared/record.ts'
import { stampOf } from './file-stamp.ts'
import type { Pass } from './guests.ts'
import { remoteKeys } from './remote-keys.ts'

export interface JwtOptions {
  /** Where the public keys are: the path of a JWKS file, its URL, or a secret that both sides have. */
  readonly keys: { readonly file: string } | { readonly url: string } | { readonly secret: Secret }
  readonly issuer?: string
  readonly audience?: string
  /** Claim that names the device. */
  readonly deviceClaim: string
  /** Claim that lists the streams; a token without it is refused. */
  readonly streamsClaim?: string
  /** Claim that lists the groups of the device; a token may be without it. */
  readonly groupsClaim?: string
  readonly algorithms: readonly string[]
  /** By how much clocks may differ. Milliseconds. */
  readonly leewayMs: number
}

interface Secret {
  read(): Promise<string>
}

/** Shorter ones can be guessed from a token (RFC 7518, 3.2). */
const leastSecretBytes = 32

/** Tokens that somebody else signed (RFC 7519), as passes. */
export class JsonWebTokens {
  readonly #options: JwtOptions
  readonly #clock: Clock
  readonly #log: Log
  #keyOf: JWTVerifyGetKey | undefined
  #file: { readonly stamp: string; readonly set: JSONWebKeySet } | undefined
  #reported = ''

  constructor(options: JwtOptions, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#options = options
    this.#clock = clock
    this.#log = log
  }

  /** Rejects with `config` when the keys cannot be used. */
  async start(): Promise<void> {
    const { keys } = this.#options
    if ('file' in keys) {
      await this.#readFile(keys.file, await stampOf(keys.file))
      return
    }
    if ('url' in keys) {
      this.#keyOf = await remoteKeys(keys.url, this.#clock)
      return
    }
    const secret = Buffer.from(await keys.secret.read())
    if (secret.length < leastSecretBytes) {
      throw new HeadwaterError(
        'config',
        `auth.jwt.secret must have ${leastSecretBytes} bytes or more`
      )
    }
    this.#keyOf = async () => secret
  }

  /**
   * Reads a file of keys that has changed, and resolves with what says of which keys nothing
   * changed; undefined when there is nothing new. A file that cannot be used leaves the earlier keys in
   * force and is reported once.
   */
  async refresh(): Promise<((keyId: string | undefined) => boolean) | undefined> {
    const { keys } = this.#options
    const before = this.#file
    if (!('file' in keys) || !before) return undefined
    const stamp = await stampOf(keys.file)
    if (stamp === before.stamp || stamp === this.#reported) return undefined
    try {
      const now = await this.#readFile(keys.file, stamp)
      this.#log.info({ file: keys.file }, 'keys of tokens read again')
      return (id) => isDeepStrictEqual(keysNamed(before.set, id), keysNamed(now, id))
    } catch (error) {
      this.#reported = stamp
      this.#log.error({ error }, 'keys of tokens cannot be read; the earlier ones stay in force')
      return undefined
    }
  }

  /** Rejects with `unauthorized`, which says why, and with `unavailable` when the keys cannot be had. */
  async verify(token: string): Promise<Pass> {
    const { issuer, audience, algorithms, leewayMs, deviceClaim } = this.#options
    if (!this.#keyOf) throw new HeadwaterError('unavailable', 'the keys of tokens are not loaded')
    const { jwtVerify } = await import('jose')
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#keyOf, {
        algorithms: [...algorithms],
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
        clockTolerance: leewayMs / 1000,
        currentDate: new Date(this.#clock.wallMs()),
        requiredClaims: ['exp', deviceClaim]
      })
      const device = payload[deviceClaim]
      return {
        device: typeof device === 'string' ? device : undefined,
        expiresMs: (payload.exp ?? 0) * 1000 + leewayMs,
        signed: { keyId: protectedHeader.kid },
        ...this.#streams(payload),
        ...this.#groups(payload)
      }
    } catch (cause) {
      throw asRefusal(cause)
    }
  }

  #streams(payload: JWTPayload): Pick<Pass, 'streams'> {
    const { streamsClaim } = this.#options
    if (streamsClaim === undefined) return {}
    const streams = listed(payload[streamsClaim])
    const names = streams.filter((one) => isName(one))
    if (names.length > 0 && names.length === streams.length) return { streams: names }
    throw new HeadwaterError('unauthorized', `claim "${streamsClaim}" must list streams`)
  }

  /** What cannot name a group of ours is one of somebody else. */
  #groups(payload: JWTPayload): Pick<Pass, 'groups'> {
    const { groupsClaim } = this.#options
    const claim = groupsClaim === undefined ? undefined : payload[groupsClaim]
    return claim === undefined ? {} : { groups: listed(claim).filter((one) => isName(one)) }
  }

  async #readFile(path: string, stamp: string): Promise<JSONWebKeySet> {
    const { createLocalJWKSet } = await import('jose')
    try {
      const set: JSONWebKeySet = JSON.parse(await readFile(path, 'utf8'))
      this.#keyOf = createLocalJWKSet(set)
      this.#file = { stamp, set }
      return set
    } catch (cause) {
      const message = `auth.jwt.keys: ${path} cannot be used as a JWKS: ${String(cause)}`
      throw new HeadwaterError('config', message, { cause })
    }
  }
}

/**
 * Whether a token is of this kind; those of `devices add` have no dots. The signature does not cover
 * how it is written: padding and spaces would make as many tokens of one as its device likes.
 */
export function isJsonWebToken(token: string): boolean {
  const parts = token.split('.', 4)
  return parts.length === 3 && parts.every(isPlainBase64url)
}

function isPlainBase64url(text: string): boolean {
  return Buffer.from(text, 'base64url').toString('base64url') === text
}

/** What a verified token is remembered by; the token itself is kept nowhere. */
export function tokenKey(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}

/** A list, or text with spaces between as in `scope`. */
function listed(claim: unknown): unknown[] {
  return typeof claim === 'string' ? claim.split(' ') : [claim].flat()
}

function keysNamed({ keys }: JSONWebKeySet, id: string | undefined): unknown[] {
  return id === undefined ? keys : keys.filter(({ kid }) => kid === id)
}

const faultsOfToken = /^ERR_(JWT_|JWS_|JOSE_ALG_|JOSE_NOT_|JWKS_NO_|JWKS_MULTIPLE_)/

function asRefusal(cause: unknown): HeadwaterError {
  if (cause instanceof HeadwaterError) return cause
  const { code = '', message = String(cause) } = cause as { code?: string; message?: string }
  if (faultsOfToken.test(code)) return new HeadwaterError('unauthorized', message, { cause })
  const why = `the keys of tokens cannot be had: ${message}`
  return new HeadwaterError('unavailable', why, { cause, retryAfterMs: 5000 })
}
