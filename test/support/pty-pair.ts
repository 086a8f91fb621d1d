import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { cleanUp } from './cleanup.ts'
import { tempDir } from './temp-dir.ts'

/** Whether a program can be run here. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ['-V'], { stdio: 'ignore' }).error === undefined
}

/** Two serial devices that are joined by a cable; needs socat. */
export class PtyPair {
  /** The device under test; it is there while the cable is. */
  readonly path: string
  readonly #far: string
  #socat: ChildProcess | undefined

  static async create(t: TestContext): Promise<PtyPair> {
    const pair = new PtyPair(await tempDir(t))
    cleanUp(t, () => pair.unplug())
    await pair.plug()
    return pair
  }

  private constructor(directory: string) {
    this.path = join(directory, 'near')
    this.#far = join(directory, 'far')
  }

  async plug(): Promise<void> {
    const end = (path: string) => `pty,rawer,link=${path}`
    this.#socat = spawn('socat', [end(this.path), end(this.#far)], { stdio: 'ignore' })
    const deadline = Date.now() + 10_000
    while (!existsSync(this.path) || !existsSync(this.#far)) {
      if (Date.now() > deadline) throw new Error('socat made no terminals within 10 s')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async unplug(): Promise<void> {
    const socat = this.#socat
    this.#socat = undefined
    if (!socat) return
    const over = once(socat, 'exit')
    socat.kill()
    await over
  }

  /** What the device says. */
  async write(text: string | Buffer): Promise<void> {
    const far = await open(this.#far, 'w')
    try {
      await far.writeFile(text)
    } finally {
      await far.close()
    }
  }
}
