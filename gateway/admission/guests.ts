import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { isName } from '../../shared/record.ts'
import { anonymousDevice, type Principal } from './admission.ts'
import type { Device } from './device-store.ts'
import { type KnownDevices, principalOf } from './known-devices.ts'

/** What somebody else vouches for: an authority with a certificate, or a signer with a token. */
export interface Pass {
  readonly device: string | undefined
  /** Milliseconds since 1970. */
  readonly expiresMs: number
  /** Streams it is good for; absent: all. */
  readonly streams?: readonly string[]
  /** Groups that it names; absent: those of the device store. */
  readonly groups?: readonly string[]
  /** Of a token: the name of the key that it was signed with, where it says so. */
  readonly signed?: { readonly keyId: string | undefined }
}

interface Guest {
  readonly pass: Pass
  /** What the device store said when it came. */
  readonly known: Device | undefined
  readonly principal: Principal
  readonly ending: AbortController
}

/**
 * Devices that came with a pass: which need not be in the device store, but have what rights that
 * gives them, and stay out when it says that they are revoked. When there are too many, the one
 * that came longest ago is sent away, and comes again.
 */
export class Guests {
  readonly #devices: KnownDevices
  readonly #clock: Clock
  readonly #maxGuests: number
  /** By what they showed; in the order in which they came last. */
  readonly #guests = new Map<string, Guest>()

  constructor(
    devices: KnownDevices,
    options: { readonly clock: Clock; readonly maxGuests: number }
  ) {
    this.#devices = devices
    this.#clock = options.clock
    this.#maxGuests = options.maxGuests
  }

  /** Who came with this before; undefined when that is unknown, or over. */
  find(key: string): Principal | undefined {
    const guest = this.#guests.get(key)
    if (!guest) return undefined
    if (!this.#isGood(guest)) {
      this.#end(key, guest)
      return undefined
    }
    this.#guests.delete(key)
    this.#guests.set(key, guest)
    return guest.principal
  }

  /** Throws `unauthorized`. */
  admit(key: string, pass: Pass): Principal {
    const { device, expiresMs } = pass
    if (device === undefined || !isName(device) || device === anonymousDevice) {
      throw new HeadwaterError('unauthorized', `${JSON.stringify(device)} cannot name a device`)
    }
    if (expiresMs <= this.#clock.wallMs()) throw new HeadwaterError('unauthorized', 'expired')
    const known = this.#devices.find(device)
    if (known?.revoked) throw new HeadwaterError('unauthorized', 'the device is revoked')
    const ending = new AbortController()
    const streams = narrowed(known?.streams, pass.streams)
    const groups = narrowed(known?.groups, pass.groups)
    const rights = {
      ...known,
      device,
      ...(streams ? { streams } : {}),
      ...(groups ? { groups } : {})
    }
    const principal = principalOf(rights, ending.signal)
    this.#makeRoom()
    this.#guests.set(key, { pass, known, principal, ending })
    return principal
  }

  /** Sends away those whose pass is over, and those of whom the device store says something else. */
  sweep(): void {
    for (const [key, guest] of this.#guests) if (!this.#isGood(guest)) this.#end(key, guest)
  }

  /** Sends away those whose token was signed with a key that is not `trusted` any more. */
  keepSigned(trusted: (keyId: string | undefined) => boolean): void {
    for (const [key, guest] of this.#guests) {
      const { signed } = guest.pass
      if (signed && !trusted(signed.keyId)) this.#end(key, guest)
    }
  }

  #isGood({ pass, known }: Guest): boolean {
    if (pass.expiresMs <= this.#clock.wallMs()) return false
    return pass.device === undefined || this.#devices.find(pass.device) === known
  }

  #end(key: string, guest: Guest): void {
    this.#guests.delete(key)
    guest.ending.abort()
  }

  #makeRoom(): void {
    if (this.#guests.size < this.#maxGuests) return
    for (const [key, guest] of this.#guests) return this.#end(key, guest)
  }
}

function narrowed(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined
): readonly string[] | undefined {
  if (!one || !other) return one ?? other
  return one.filter((name) => other.includes(name))
}
