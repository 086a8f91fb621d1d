import { timingSafeEqual } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Principal } from './admission.ts'
import { type Device, type DeviceRights, type DeviceStore, hashToken } from './device-store.ts'

interface Entry {
  readonly device: Device
  readonly principal: Principal
  readonly revocation: AbortController
}

/** What the device store says, as it was read last. */
export class KnownDevices {
  readonly #store: DeviceStore
  readonly #log: Log
  #entries = new Map<string, Entry>()
  #byHash = new Map<string, Entry>()
  #stamp = ''
  #reported = ''

  constructor(store: DeviceStore, log: Log) {
    this.#store = store
    this.#log = log
  }

  /** Rejects with `config` or `store_too_new` when the store cannot be read. */
  async load(): Promise<void> {
    this.#stamp = await this.#store.stamp()
    this.#apply(await this.#store.list())
  }

  /**
   * Reads a store that has changed, and resolves with whether it did. One that cannot be read leaves
   * the earlier contents in force and is reported once.
   */
  async refresh(): Promise<boolean> {
    const store = this.#store
    const stamp = await store.stamp()
    if (stamp === this.#stamp) return false
    try {
      if (stamp === 'missing') throw new HeadwaterError('config', `${store.path} is gone`)
      this.#apply(await store.list())
      this.#stamp = stamp
      this.#log.info({ devices: this.#entries.size }, 'device store read again')
      return true
    } catch (error) {
      if (stamp === this.#reported) return false
      this.#reported = stamp
      this.#log.error({ error }, 'device store cannot be read; its earlier contents stay in force')
      return false
    }
  }

  /** The same object as long as nothing of it changes; revoked devices too. */
  find(device: string): Device | undefined {
    return this.#entries.get(device)?.device
  }

  /** Whose token this is; `device` is who the sender says it is. Undefined: wrong or revoked. */
  byToken(token: string, device: string | undefined): Principal | undefined {
    const hash = hashToken(token)
    const entry =
      device === undefined ? this.#byHash.get(hash.toString('hex')) : this.#entries.get(device)
    const { tokenSha256, revoked } = entry?.device ?? {}
    if (!entry || revoked || tokenSha256 === undefined) return undefined
    return timingSafeEqual(Buffer.from(tokenSha256, 'hex'), hash) ? entry.principal : undefined
  }

  #apply(devices: readonly Device[]): void {
    const before = this.#entries
    this.#entries = new Map(
      devices.map((device) => {
        const known = before.get(device.device)
        const same = known && isDeepStrictEqual(known.device, device)
        return [device.device, same ? known : newEntry(device)]
      })
    )
    this.#byHash = new Map(
      [...this.#entries.values()].flatMap((one) =>
        one.device.tokenSha256 === undefined ? [] : [[one.device.tokenSha256, one]]
      )
    )
    // Also when only its rights changed: its connections come again and get the new ones.
    for (const [device, entry] of before) {
      if (this.#entries.get(device) !== entry) entry.revocation.abort()
    }
  }
}

function newEntry(device: Device): Entry {
  const revocation = new AbortController()
  return { device, revocation, principal: principalOf(device, revocation.signal) }
}

/** With the rights that the store gives the device. */
export function principalOf(
  { device, admin, streams, groups }: DeviceRights & Pick<Device, 'device'>,
  revoked: AbortSignal
): Principal {
  // Every connection of the device listens.
  setMaxListeners(0, revoked)
  return {
    device,
    admin: admin === true,
    revoked,
    ...(streams ? { streams } : {}),
    ...(groups ? { groups } : {})
  }
}
