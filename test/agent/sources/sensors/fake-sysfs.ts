import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { tempDir } from '../../../support/temp-dir.ts'

/** A sysfs of plain files. */
export class FakeSysfs {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  static async create(t: TestContext): Promise<FakeSysfs> {
    return new FakeSysfs(await tempDir(t))
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.root, name)), { recursive: true })
      await writeFile(join(this.root, name), text)
    }
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.root, name), { recursive: true })
  }

  /** `name` is a link to the directory `target`, as sysfs has them. */
  async link(name: string, target: string): Promise<void> {
    await mkdir(join(this.root, target), { recursive: true })
    await mkdir(dirname(join(this.root, name)), { recursive: true })
    await symlink(join(this.root, target), join(this.root, name))
  }

  /** A command that prints `text`; its path. */
  async command(name: string, script: string): Promise<string> {
    await this.write({ [name]: `#!/bin/sh\n${script}\n` })
    const path = join(this.root, name)
    await chmod(path, 0o755)
    return path
  }
}

/** What `w1_slave` says, with the checksum as the driver found it. */
export function slave(bytes: string, crc: 'YES' | 'NO', milliCelsius: number): string {
  return `${bytes} : crc=${bytes.slice(-2)} ${crc}\n${bytes} t=${milliCelsius}\n`
}
