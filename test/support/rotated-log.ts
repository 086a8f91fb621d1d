import {
  appendFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile
} from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'

/** Of a file system's clock, which goes in steps: times of files are compared. */
const stepMs = 10

/**
 * `app.log`, written by its name, and rotated as logrotate does: with `create` and `compress`, and
 * `delaycompress` when `delays`. No file is kept open, so that their numbers are used again.
 */
export class RotatedLog {
  readonly path: string
  readonly written: string[] = []
  readonly #directory: string
  readonly #delays: boolean

  constructor(directory: string, { delays = false } = {}) {
    this.#directory = directory
    this.#delays = delays
    this.path = join(directory, 'app.log')
  }

  async write(count: number): Promise<void> {
    const { written } = this
    const lines = Array.from({ length: count }, (_, i) => {
      const number = written.length + i
      return `line ${number} ${'x'.repeat(number % 90)}`
    })
    await appendFile(this.path, `${lines.join('\n')}\n`)
    written.push(...lines)
    await delay(stepMs)
  }

  async rotate(): Promise<void> {
    for (const name of await this.#rotated()) {
      const [, number = 0, suffix = ''] = /^app\.log\.(\d+)(\.gz)?$/.exec(name) ?? []
      const path = join(this.#directory, name)
      if (suffix === '') await this.#compress(path)
      await rename(suffix === '' ? `${path}.gz` : path, `${this.path}.${Number(number) + 1}.gz`)
    }
    await rename(this.path, `${this.path}.1`)
    if (!this.#delays) await this.#compress(`${this.path}.1`)
    await writeFile(this.path, '')
  }

  /** The oldest first. */
  async #rotated(): Promise<string[]> {
    const names = await readdir(this.#directory)
    return names
      .filter((name) => name.startsWith('app.log.'))
      .sort((a, b) => Number.parseInt(b.slice(8), 10) - Number.parseInt(a.slice(8), 10))
  }

  /** As gzip does: a new file with the time of the old one. */
  async #compress(path: string): Promise<void> {
    const { atime, mtime } = await stat(path)
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)))
    await utimes(`${path}.gz`, atime, mtime)
    await rm(path)
  }
}
