import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import { RareLog } from '../../shared/rare-log.ts'
import type { Certificate, Credentials, Principal } from './admission.ts'
import type { DeviceStore } from './device-store.ts'
import { Guests } from './guests.ts'
import { isJsonWebToken, type JsonWebTokens, tokenKey } from './json-web-tokens.ts'
import { KnownDevices } from './known-devices.ts'

/** `off` lets anybody on loopback in; off loopback a device is always asked who it is. */
export type AuthMode = 'off' | 'devices'

export interface AuthenticatorOptions {
  readonly mode: AuthMode
  readonly store: DeviceStore
  /** Absent: only tokens of the store. */
  readonly tokens?: JsonWebTokens
  /** Devices that are remembered with a certificate or a JWT. */
  readonly maxGuests: number
  readonly clock: Clock
  readonly log: Log
}

/** With this and the reading of a small file, a change takes hold within a second. */
const pollMs = 400

/**
 * Knows who may come in: by a token of the device store, a certificate, or a JWT. Follows the store
 * and the keys while it runs. Why somebody is refused is for the log alone.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions
  readonly #devices: KnownDevices
  readonly #guests: Guests
  readonly #refusals: RareLog
  readonly #anonymous: Principal = {
    device: undefined,
    admin: true,
    revoked: new AbortController().signal
  }
  readonly #stopping = new AbortController()
  #following: Promise<void> | undefined

  constructor(options: AuthenticatorOptions) {
    const { store, clock, log } = options
    this.#options = options
    this.#devices = new KnownDevices(store, log)
    this.#guests = new Guests(this.#devices, options)
    this.#refusals = new RareLog(clock, log)
  }

  /** Rejects with `config` or `store_too_new` when the store or the keys cannot be read. */
  async start(): Promise<void> {
    await this.#options.tokens?.start()
    await this.#devices.load()
    this.#following = this.#follow(this.#stopping.signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#following
  }

  /** Rejects with `unauthorized`, or with `unavailable` when that cannot be said now. */
  async authenticate(credentials: Credentials): Promise<Principal> {
    try {
      return await this.#judge(credentials)
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      if (error.code !== 'unauthorized') throw error
      const { device, certificate, token, address } = credentials
      const named = (device ?? certificate?.name)?.slice(0, 128)
      this.#refusals.warn({ reason: error.message, device: named, peer: address }, 'access refused')
      const message =
        token || certificate
          ? 'the token or certificate is wrong, expired or revoked'
          : 'a device token is needed and none was given'
      throw new HeadwaterError('unauthorized', message, { cause: error })
    }
  }

  async #judge(credentials: Credentials): Promise<Principal> {
    const { certificate, token, device, loopback } = credentials
    if (certificate) {
      const principal = this.#ofCertificate(certificate)
      if (device && device !== principal.device) {
        throw new HeadwaterError('unauthorized', `the certificate is that of "${principal.device}"`)
      }
      return token ? this.#ofToken(token, principal.device) : principal
    }
    if (this.#options.mode === 'off' && loopback) return this.#anonymous
    if (!token) throw new HeadwaterError('unauthorized', 'no token')
    return this.#ofToken(token, device)
  }

  #ofCertificate(certificate: Certificate): Principal {
    const { name, expiresMs } = certificate
    const key = `certificate ${JSON.stringify(name)} ${expiresMs}`
    return this.#guests.find(key) ?? this.#guests.admit(key, { device: name, expiresMs })
  }

  async #ofToken(token: string, device: string | undefined): Promise<Principal> {
    const { tokens } = this.#options
    const principal =
      tokens && isJsonWebToken(token)
        ? await this.#ofJsonWebToken(token, tokens)
        : this.#devices.byToken(token, device)
    if (!principal) throw new HeadwaterError('unauthorized', 'the token is wrong or revoked')
    if (device !== undefined && principal.device !== device) {
      throw new HeadwaterError('unauthorized', `the token is that of "${principal.device}"`)
    }
    return principal
  }

  async #ofJsonWebToken(token: string, tokens: JsonWebTokens): Promise<Principal> {
    const key = tokenKey(token)
    const known = this.#guests.find(key)
    if (known) return known
    const pass = await tokens.verify(token)
    // Several requests with one token may have been verified at the same time.
    return this.#guests.find(key) ?? this.#guests.admit(key, pass)
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, tokens } = this.#options
    for (;;) {
      await clock.sleep(pollMs, signal)
      if (signal.aborted) return
      await this.#devices.refresh()
      const trusted = await tokens?.refresh()
      if (trusted) this.#guests.keepSigned(trusted)
      this.#guests.sweep()
    }
  }
}
