import type { Readable } from 'node:stream'
import { type Child, type Exit, startChild } from '../process/child.ts'
import type { Complaints } from '../process/complaints.ts'
import { harmlessPart } from '../process/environment.ts'
import type { SourceContext } from '../source.ts'
import type { ExecOptions } from './exec-options.ts'

/** How long a program may take to end when it is asked to, before it is killed. */
const graceMs = 3000

interface CommandOptions {
  readonly exec: ExecOptions
  readonly context: SourceContext
  readonly complaints: Complaints
}

interface RunLimits {
  /** Ends the command. */
  readonly stopping: AbortSignal
  /** Aborts some time after `stopping`, when its output is not waited for any longer. */
  readonly giveUp: AbortSignal
  readonly timeoutMs?: number
}

export interface Outcome extends Exit {
  readonly timedOut: boolean
}

/** The command of the configuration, run as often as it is asked to. */
export class Command {
  readonly #options: CommandOptions

  constructor(options: CommandOptions) {
    this.#options = options
  }

  /**
   * Runs it once. `read` is given its standard output and a signal that says when to stop reading.
   * The command is over when its first process has ended; what that left behind in its process
   * group is ended then, as the whole group is when it is to stop or takes too long. Rejects with
   * `config` when it cannot be started.
   */
  async run(
    { stopping, giveUp, timeoutMs }: RunLimits,
    read: (output: Readable, enough: AbortSignal) => Promise<void>
  ): Promise<Outcome> {
    const child = await this.#start()
    const over = new AbortController()
    const late = new AbortController()
    let timedOut = false
    const end = () => void child.end(graceMs)
    const stop = () => {
      timedOut = !stopping.aborted
      end()
    }
    stopping.addEventListener('abort', end, { signal: over.signal })
    if (stopping.aborted) end()
    if (timeoutMs !== undefined) void this.#after(timeoutMs, over.signal, stop)
    void child.exited.then(async () => {
      await child.end(graceMs)
      // A process that left the group may hold the output for ever.
      if (timedOut) await this.#after(graceMs, over.signal, () => late.abort())
    })
    try {
      await read(child.stdout, AbortSignal.any([giveUp, late.signal]))
      return { ...(await child.exited), timedOut }
    } finally {
      await child.end(graceMs)
      over.abort()
      child.close()
    }
  }

  async #start(): Promise<Child> {
    const { exec, context, complaints } = this.#options
    const env = harmlessPart(context.environment)
    for (const [name, secret] of Object.entries(exec.env)) env[name] = await secret.read()
    complaints.begin()
    return startChild({
      argv: typeof exec.exec === 'string' ? ['/bin/sh', '-c', exec.exec] : exec.exec,
      env,
      clock: context.clock,
      onStderr: complaints.take,
      whenMissing: 'give its full path, or install it'
    })
  }

  async #after(ms: number, over: AbortSignal, act: () => void): Promise<void> {
    await this.#options.context.clock.sleep(ms, over)
    if (!over.aborted) act()
  }
}
