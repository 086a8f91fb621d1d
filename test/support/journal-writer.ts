import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { tempDir } from './temp-dir.ts'

const program = [
  '/lib/systemd/systemd-journal-remote',
  '/usr/lib/systemd/systemd-journal-remote'
].find(existsSync)

/** Why a test of the journal cannot run here; false when it can. */
export const noJournal: string | false =
  program && existsSync('/usr/bin/journalctl')
    ? false
    : 'needs journalctl and systemd-journal-remote'

export type Entry = Readonly<Record<string, string | Buffer>>

/** Writes journal files of its own, with no systemd running. */
export class JournalWriter {
  readonly directory: string
  #number = 0

  private constructor(directory: string) {
    this.directory = directory
  }

  static async create(t: TestContext): Promise<JournalWriter> {
    const directory = join(await tempDir(t), 'journal')
    await mkdir(directory)
    return new JournalWriter(directory)
  }

  /** Appends entries with the messages `entry 0`, `entry 1`, …, going on from call to call. */
  async appendNumbered(count: number, about: { file?: string; boot?: string } = {}): Promise<void> {
    const entries = Array.from({ length: count }, (_, i) => ({
      MESSAGE: `entry ${this.#number + i}`
    }))
    await this.append(entries, about)
  }

  /** Appends entries a microsecond apart, from 1700000000 s on; all fields may be bytes. */
  async append(
    entries: readonly Entry[],
    { file = 'a', boot = 'a' }: { file?: string; boot?: string } = {}
  ): Promise<void> {
    if (!program) throw new Error('no systemd-journal-remote')
    const path = join(this.directory, `${file}.journal`)
    const child = spawn(program, ['-o', path, '-'], { stdio: ['pipe', 'ignore', 'ignore'] })
    const ended = once(child, 'exit')
    child.stdin.end(Buffer.concat(entries.map((entry) => this.#exported(entry, boot))))
    const [code] = await ended
    if (code !== 0) throw new Error(`systemd-journal-remote ended with code ${code}`)
  }

  /** In the export format of the journal. */
  #exported(entry: Entry, boot: string): Buffer {
    const number = this.#number++
    const fields: Entry = {
      __REALTIME_TIMESTAMP: String(1_700_000_000_000_000 + number),
      __MONOTONIC_TIMESTAMP: String(1_000_000 + number),
      _BOOT_ID: boot.repeat(32),
      ...entry
    }
    const parts = Object.entries(fields).flatMap(([name, value]) => {
      if (typeof value === 'string' && !value.includes('\n')) return [`${name}=${value}\n`]
      const bytes = Buffer.from(value)
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(bytes.length))
      return [`${name}\n`, length, bytes, '\n']
    })
    return Buffer.concat([...parts, '\n'].map((part) => Buffer.from(part)))
  }
}
