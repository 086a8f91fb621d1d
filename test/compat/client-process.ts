import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { cleanUp } from '../support/cleanup.ts'
import { eventually } from '../support/programs.ts'
import { clientEnvironment } from './kinesis-gateway.ts'

/** A client that others wrote, in a process of its own, ended with the test. */
export class ClientProcess {
  /** Lines of its standard output. */
  readonly lines: string[] = []
  readonly #name: string
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  #errors = ''

  constructor(
    t: TestContext,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {}
  ) {
    const [program = '', ...args] = command
    this.#name = program
    this.#child = spawn(program, args, {
      env: { ...process.env, ...clientEnvironment, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own, which ends with what it started: the producer library has a daemon.
      detached: true
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(line))
    this.#child.stderr.on('data', (bytes: Buffer) => {
      this.#errors = (this.#errors + bytes.toString()).slice(-20_000)
    })
    cleanUp(t, () => this.#kill())
  }

  /** The end of its standard input, which asks it to finish. */
  closeInput(): void {
    this.#child.stdin.end()
  }

  /** Resolves when it ended with 0; else rejects with what it wrote. */
  async succeeds(ms = 120_000): Promise<void> {
    const code = await eventually(`${this.#name} ends`, async () => this.#code, ms).catch(
      (error: unknown) => {
        throw new Error(this.#story('did not end'), { cause: error })
      }
    )
    if (code !== 0) throw new Error(this.#story(`ended with ${code}`))
  }

  /** Waits until `check` gives something; fails at once when the process ends before. */
  async until<T>(
    what: string,
    check: () => T | undefined | Promise<T | undefined>,
    ms = 120_000
  ): Promise<T> {
    const met = await eventually(
      what,
      async () => {
        const value = await check()
        if (value !== undefined) return { value }
        return this.#code === undefined ? undefined : 'ended'
      },
      ms
    ).catch((error: unknown) => {
      throw new Error(this.#story(`not within ${ms} ms: ${what}`), { cause: error })
    })
    if (met === 'ended') throw new Error(this.#story(`ended before: ${what}`))
    return met.value
  }

  /** Undefined while it runs. */
  get #code(): number | string | undefined {
    return this.#child.exitCode ?? this.#child.signalCode ?? undefined
  }

  async #kill(): Promise<void> {
    if (this.#child.pid === undefined || this.#code !== undefined) return
    const gone = once(this.#child, 'exit')
    process.kill(-this.#child.pid, 'SIGKILL')
    await gone
  }

  #story(what: string): string {
    const last = this.lines.slice(-20).join('\n')
    return `${this.#name} ${what}\n${last}\n${this.#errors}`
  }
}
