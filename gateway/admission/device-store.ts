import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { FileLock } from '../../shared/file-lock.ts'
import type { Random } from '../../shared/random.ts'
import { requireName } from '../../shared/record.ts'
import { replaceFile } from '../../shared/replace-file.ts'
import { Fields } from '../../shared/wire/fields.ts'
import { anonymousDevice } from './admission.ts'
import { stampOf } from './file-stamp.ts'

/** A device as it is kept: the token itself is nowhere. */
export interface Device {
  readonly device: string
  /** SHA-256 of the token's text, 64 hexadecimal digits; absent: it comes with a certificate or a JWT. */
  readonly tokenSha256?: string
  /** ISO 8601. */
  readonly created: string
  /** ISO 8601; since then it is kept out, whatever it comes with. */
  readonly revoked?: string
  /** Streams it may write to; absent: all. */
  readonly streams?: readonly string[]
  /** Groups whose configuration it is given; absent: none. */
  readonly groups?: readonly string[]
  /** May read and administer streams. */
  readonly admin?: boolean
}

export type DeviceRights = Pick<Device, 'streams' | 'groups' | 'admin'>

/** Since 2 a device may be without a token, since 3 in groups. */
const storeVersion = 3

/** A change is two fsyncs, which may take seconds each on a card, behind those of others. */
const lockWaitMs = 60_000

/**
 * The devices and the hashes of their tokens, in `<dataDir>/devices.json`. Several processes may use
 * it: changes are made under a lock and appear whole, by rename. They reject with `store_locked` when
 * others have changed the file for a minute.
 */
export class DeviceStore {
  readonly path: string
  readonly #clock: Clock
  readonly #random: Random

  constructor(dataDir: string, options: { readonly clock: Clock; readonly random: Random }) {
    this.path = join(dataDir, 'devices.json')
    this.#clock = options.clock
    this.#random = options.random
  }

  /** Changes whenever the file does; `missing` before the first device. */
  stamp(): Promise<string> {
    return stampOf(this.path)
  }

  /**
   * All devices, revoked ones too; none when there is no file. Rejects with `config` when the file
   * cannot be understood, with `store_too_new` when a newer program wrote it.
   */
  async list(): Promise<readonly Device[]> {
    let text: string
    try {
      text = await readFile(this.path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
    return parse(text, this.path)
  }

  /**
   * Adds a device, or gives one that was revoked a new token. Resolves with the token, which is
   * 32 random bytes in base64url and is not kept. Rejects with `conflict` when the device exists.
   */
  async add(device: string, rights: DeviceRights = {}): Promise<string> {
    const token = this.#random.bytes(32).toString('base64url')
    await this.#add(device, { ...rights, tokenSha256: hashToken(token).toString('hex') })
    return token
  }

  /**
   * Adds a device that comes with a certificate or a JWT, to give it rights, or lets one in again
   * that was revoked. Rejects with `conflict` when the device exists.
   */
  async register(device: string, rights: DeviceRights = {}): Promise<void> {
    await this.#add(device, rights)
  }

  /**
   * Keeps a device out; revoking twice changes nothing. Rejects with `not_found` when there is no
   * such device, unless it may be one that only certificates or JWTs name.
   */
  async revoke(device: string, options: { readonly mayBeUnknown?: boolean } = {}): Promise<void> {
    requireName(device, 'device')
    await this.#change((devices) => {
      const revoked = this.#now()
      if (devices.some((one) => one.device === device)) {
        return devices.map((one) =>
          one.device === device && !one.revoked ? { ...one, revoked } : one
        )
      }
      if (options.mayBeUnknown) return [...devices, { device, created: revoked, revoked }]
      throw new HeadwaterError(
        'not_found',
        `no device "${device}"; to keep one out that comes with a certificate or a JWT, give the --config of the gateway that takes these`
      )
    })
  }

  async #add(device: string, facts: Omit<Device, 'device' | 'created'>): Promise<void> {
    requireName(device, 'device')
    for (const stream of facts.streams ?? []) requireName(stream, 'stream')
    for (const group of facts.groups ?? []) requireName(group, 'group')
    if (device === anonymousDevice) {
      throw new HeadwaterError(
        'invalid',
        `device must not be "${anonymousDevice}", a reserved name`
      )
    }
    await this.#change((devices) => {
      if (devices.some((one) => one.device === device && !one.revoked)) {
        throw new HeadwaterError('conflict', `device "${device}" exists; revoke it first`)
      }
      const added = { device, created: this.#now(), ...facts }
      return [...devices.filter((one) => one.device !== device), added]
    })
  }

  async #change(edit: (devices: readonly Device[]) => readonly Device[]): Promise<void> {
    await mkdir(join(this.path, '..'), { recursive: true })
    const lock = await FileLock.wait(`${this.path}.lock`, {
      clock: this.#clock,
      waitMs: lockWaitMs
    })
    try {
      const devices = edit(await this.list())
      await replaceFile(
        this.path,
        `${JSON.stringify({ version: storeVersion, devices }, null, 2)}\n`
      )
    } finally {
      await lock.release()
    }
  }

  #now(): string {
    return new Date(this.#clock.wallMs()).toISOString()
  }
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function parse(text: string, path: string): Device[] {
  try {
    const fields = new Fields(JSON.parse(text), 'file')
    const version = fields.uint('version')
    if (version > storeVersion) {
      throw new HeadwaterError(
        'store_too_new',
        `${path} has version ${version}, this program reads ${storeVersion}; run a newer one`
      )
    }
    return fields.array('devices').map((one, i) => parseDevice(new Fields(one, `devices[${i}]`)))
  } catch (cause) {
    if (cause instanceof HeadwaterError && cause.code === 'store_too_new') throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HeadwaterError('config', `${path}: ${reason}`, { cause })
  }
}

function parseDevice(fields: Fields): Device {
  const tokenSha256 = fields.has('tokenSha256') ? fields.text('tokenSha256') : undefined
  if (tokenSha256 !== undefined && !/^[0-9a-f]{64}$/.test(tokenSha256)) {
    throw new HeadwaterError('invalid', 'field "tokenSha256" must be 64 hexadecimal digits')
  }
  return {
    device: requireName(fields.get('device'), 'device'),
    ...(tokenSha256 === undefined ? {} : { tokenSha256 }),
    created: fields.text('created'),
    ...(fields.has('revoked') ? { revoked: fields.text('revoked') } : {}),
    ...(fields.has('streams') ? { streams: namesIn(fields, 'streams') } : {}),
    ...(fields.has('groups') ? { groups: namesIn(fields, 'groups') } : {}),
    ...(fields.get('admin') === true ? { admin: true } : {})
  }
}

function namesIn(fields: Fields, field: 'streams' | 'groups'): string[] {
  return fields.array(field).map((one) => requireName(one, field))
}
