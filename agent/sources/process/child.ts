import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { signalGroup } from './process-group.ts'

/** How often a group whose leader has ended is looked at, until nobody is left. */
const lookMs = 50

export interface ChildOptions {
  /** The program and its arguments; no shell comes between. */
  readonly argv: readonly string[]
  /** All that its environment holds. */
  readonly env: Readonly<Record<string, string>>
  readonly clock: Clock
  /** What it writes to standard error. */
  readonly onStderr: (bytes: Buffer) => void
  /** What a person can do when the program is not there; the end of a message. */
  readonly whenMissing: string
}

/** How a child ended: with an exit code or by a signal. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export function describeExit({ code, signal }: Exit): string {
  return signal ? `was ended by ${signal}` : `ended with code ${code}`
}

/**
 * Starts a program in a process group of its own, with nothing on its standard input. Rejects with
 * `config` when it cannot be started.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const [program = '', ...args] = options.argv
  try {
    const started = spawn(program, args, {
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true
    })
    // Also rejects when the start fails.
    await once(started, 'spawn')
    return new Child(started, options)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const problem = code === 'ENOENT' ? `it was not found; ${options.whenMissing}` : message
    throw new HeadwaterError('config', `cannot run ${program}: ${problem}`, { cause })
  }
}

/** A process that runs, together with all that it starts. */
export class Child {
  /** Until its end, read by whoever started it. */
  readonly stdout: Readable
  /** Resolves when the process itself has ended; others may still hold its output. */
  readonly exited: Promise<Exit>
  readonly #started: ChildProcessByStdio<null, Readable, Readable>
  readonly #clock: Clock
  #ended: Promise<void> | undefined

  constructor(started: ChildProcessByStdio<null, Readable, Readable>, options: ChildOptions) {
    this.#started = started
    this.#clock = options.clock
    this.stdout = started.stdout
    this.exited = new Promise((resolve) => {
      started.once('exit', (code, signal) => resolve({ code, signal }))
    })
    started.stderr.on('data', options.onStderr)
    // A pipe that breaks is seen as the end of the process.
    for (const pipe of [started.stdout, started.stderr]) pipe.on('error', () => undefined)
  }

  /**
   * Asks the whole group to end, and kills who is left after `graceMs`. Resolves when the process
   * has ended; what it wrote can still be read. Safe to call twice.
   */
  end(graceMs: number): Promise<void> {
    this.#ended ??= this.#end(graceMs)
    return this.#ended
  }

  /** Closes the pipes; what was not read from them is gone. */
  close(): void {
    this.#started.stdout.destroy()
    this.#started.stderr.destroy()
  }

  async #end(graceMs: number): Promise<void> {
    const { pid } = this.#started
    if (pid === undefined) return
    const killAtMs = this.#clock.monoMs() + graceMs
    const over = new AbortController()
    signalGroup(pid, 'SIGTERM')
    await Promise.race([this.exited, this.#clock.sleep(graceMs, over.signal)])
    over.abort()
    while (signalGroup(pid, 0) && this.#clock.monoMs() < killAtMs) await this.#clock.sleep(lookMs)
    signalGroup(pid, 'SIGKILL')
    await this.exited
  }
}
