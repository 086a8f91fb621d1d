import { timingSafeEqual } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Credentials, Principal } from './admission.ts'
import { type Device, type DeviceStore, hashToken } from './device-store.ts'

/** `off` lets anybody on loopback in; off loopback a token is always asked for. */
export type AuthMode = 'off' | 'devices'

export interface AuthenticatorOptions {
  readonly mode: AuthMode
  readonly store: DeviceStore
  readonly clock: Clock
  readonly log: Log
}

/** A device that may come in. */
interface Entry {
  readonly device: Device
  readonly hash: Buffer
  readonly principal: Principal
  readonly revocation: AbortController
}

/** With this and the reading of a small file, a change takes hold within a second. */
const pollMs = 400

/** Knows who may come in, and follows the device store while it runs. */
export class Authenticator {
  readonly #options: AuthenticatorOptions
  readonly #anonymous: Principal = {
    device: undefined,
    admin: true,
    revoked: new AbortController().signal
  }
  readonly #stopping = new AbortController()
  #entries = new Map<string, Entry>()
  #byHash = new Map<string, Entry>()
  #stamp = ''
  #following: Promise<void> | undefined

  constructor(options: AuthenticatorOptions) {
    this.#options = options
  }

  /** Rejects with `config` or `store_too_new` when the store cannot be read. */
  async start(): Promise<void> {
    this.#stamp = await this.#options.store.stamp()
    this.#apply(await this.#options.store.list())
    this.#following = this.#follow(this.#stopping.signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#following
  }

  /** Throws `unauthorized`. */
  authenticate(credentials: Credentials): Principal {
    if (this.#options.mode === 'off' && credentials.loopback) return this.#anonymous
    if (!credentials.token) {
      throw new HeadwaterError('unauthorized', 'a device token is needed and none was given')
    }
    const hash = hashToken(credentials.token)
    const entry =
      credentials.device === undefined
        ? this.#byHash.get(hash.toString('hex'))
        : this.#entries.get(credentials.device)
    if (!entry || !timingSafeEqual(entry.hash, hash)) {
      throw new HeadwaterError('unauthorized', 'the device token is wrong or revoked')
    }
    return entry.principal
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, store, log } = this.#options
    let reported = ''
    for (;;) {
      await clock.sleep(pollMs, signal)
      if (signal.aborted) return
      const stamp = await store.stamp()
      if (stamp === this.#stamp) continue
      try {
        if (stamp === 'missing') throw new HeadwaterError('config', `${store.path} is gone`)
        this.#apply(await store.list())
        this.#stamp = stamp
        log.info({ devices: this.#entries.size }, 'device store read again')
      } catch (error) {
        if (stamp === reported) continue
        reported = stamp
        log.error({ error }, 'device store cannot be read; its earlier contents stay in force')
      }
    }
  }

  #apply(devices: readonly Device[]): void {
    const entries = new Map<string, Entry>()
    for (const device of devices) {
      if (device.revoked) continue
      const known = this.#entries.get(device.device)
      const same = known && isDeepStrictEqual(known.device, device)
      entries.set(device.device, same ? known : newEntry(device))
    }
    const before = this.#entries
    this.#entries = entries
    this.#byHash = new Map([...entries.values()].map((one) => [one.device.tokenSha256, one]))
    // Also when only its rights changed: its connections come again and get the new ones.
    for (const [device, entry] of before) {
      if (entries.get(device) !== entry) entry.revocation.abort()
    }
  }
}

function newEntry(device: Device): Entry {
  const revocation = new AbortController()
  // Every connection of the device listens.
  setMaxListeners(0, revocation.signal)
  return {
    device,
    hash: Buffer.from(device.tokenSha256, 'hex'),
    revocation,
    principal: {
      device: device.device,
      admin: device.admin === true,
      revoked: revocation.signal,
      ...(device.streams ? { streams: device.streams } : {})
    }
  }
}
