import { mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HeadwaterError } from '../../shared/errors.ts'
import { replaceFile } from '../../shared/replace-file.ts'
import { requireName } from '../../shared/record.ts'
import { maxSignedBytes, readSignedConfig, type SignedConfig } from '../../shared/signed-config.ts'
import { type ConfigStatus, parseStatus } from './config-status.ts'

/** More devices than that cannot say what became of their configuration. */
const maxStatuses = 100_000

/**
 * Signed configurations and what the agents made of them, in `<dataDir>/remote-config`. A file each,
 * replaced whole: the commands and a running gateway share them. The gateway cannot sign, and need
 * not be believed: the agents check every signature.
 */
export class RemoteConfigs {
  readonly #directory: string

  constructor(dataDir: string) {
    this.#directory = join(dataDir, 'remote-config')
  }

  /**
   * Stores what is signed for its target, in the place of what was there. Rejects with `invalid`;
   * with `conflict` when what is there has the same or a higher version of the same key.
   */
  async set(text: string): Promise<SignedConfig> {
    if (Buffer.byteLength(text) > maxSignedBytes) {
      throw new HeadwaterError('too_large', `over the limit of ${maxSignedBytes} bytes`)
    }
    const config = readSignedConfig(text)
    const path = this.#pathOf(config.target)
    const present = await this.#read(path)
    if (present && present.keyId === config.keyId && present.version >= config.version) {
      const message = `version ${config.version} for ${config.target} is not above ${present.version}, which is set; sign it with a higher one`
      throw new HeadwaterError('conflict', message)
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await replaceFile(path, config.text)
    return config
  }

  /** All that are set: for all, by group, by device. */
  async list(): Promise<readonly SignedConfig[]> {
    const groups = await this.#names('group')
    const devices = await this.#names('device')
    const targets = [
      'all',
      ...groups.map((name) => `group/${name}`),
      ...devices.map((name) => `device/${name}`)
    ]
    const found: SignedConfig[] = []
    for (const target of targets) {
      const config = await this.#read(this.#pathOf(target))
      if (config) found.push(config)
    }
    return found
  }

  /** The one for this device: its own, else that of its group, else that for all. */
  async configFor(device: string, group: string | undefined): Promise<SignedConfig | undefined> {
    requireName(device, 'device')
    if (group !== undefined) requireName(group, 'group')
    return (
      (await this.#read(this.#pathOf(`device/${device}`))) ??
      (group === undefined ? undefined : await this.#read(this.#pathOf(`group/${group}`))) ??
      (await this.#read(this.#pathOf('all')))
    )
  }

  /** Keeps what a device says, in the place of what it said before. Rejects with `throttled`. */
  async report(device: string, status: ConfigStatus): Promise<void> {
    const path = this.#pathOf(`status/${requireName(device, 'device')}`)
    const known = await this.#names('status')
    if (known.length >= maxStatuses && !known.includes(device)) {
      const message = `${maxStatuses} devices have reported already; remove old files of ${dirname(path)}`
      throw new HeadwaterError('throttled', message)
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await replaceFile(path, `${JSON.stringify(status)}\n`)
  }

  /** What the devices said last, by device. */
  async statuses(): Promise<ReadonlyMap<string, ConfigStatus>> {
    const found = new Map<string, ConfigStatus>()
    for (const device of await this.#names('status')) {
      const text = await readIfThere(this.#pathOf(`status/${device}`))
      if (text !== undefined) found.set(device, parseStatus(JSON.parse(text)))
    }
    return found
  }

  async #read(path: string): Promise<SignedConfig | undefined> {
    const text = await readIfThere(path)
    return text === undefined ? undefined : readSignedConfig(text)
  }

  async #names(kind: 'group' | 'device' | 'status'): Promise<string[]> {
    const files = await readdir(join(this.#directory, kind)).catch(unlessMissing)
    return (files ?? [])
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length))
      .toSorted()
  }

  #pathOf(name: string): string {
    return join(this.#directory, `${name}.json`)
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(unlessMissing)
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return undefined
}
