import { type ChildProcess, spawn } from 'node:child_process'
import { HeadwaterError } from '../../../shared/errors.ts'
import { Intake } from '../intake.ts'

/** Edges that are read ahead while an append is under way; then the kernel's queue fills. */
const gatherBytes = 64 * 1024

/** What is kept of what the command complains about. */
const complaintChars = 500

interface LineWatcherOptions {
  readonly command: string
  readonly args: readonly string[]
  /** All that its environment holds. */
  readonly env: Readonly<Record<string, string>>
}

/** A command that runs until it is stopped, and the lines that it prints. */
export class LineWatcher {
  readonly #command: string
  readonly #child: ChildProcess
  readonly #intake: Intake
  readonly #closed: Promise<string>
  #complaint = ''
  #rest: Buffer = Buffer.alloc(0)

  /** `signal` kills the command; nothing in it is worth waiting for. */
  constructor({ command, args, env }: LineWatcherOptions, signal: AbortSignal) {
    this.#command = command
    const child = spawn(command, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL'
    })
    this.#child = child
    // First, for without a free descriptor there are no pipes, and what follows throws.
    child.once('error', (error) => {
      this.#complaint = error.message
    })
    this.#intake = new Intake(child.stdout, gatherBytes)
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-complaintChars)
    })
    this.#closed = new Promise((resolve) => {
      child.once('close', (code, by) => resolve(by === null ? `exit code ${code}` : by))
    })
  }

  /** Whole lines that came since the last call; waits for some. None when the command has ended. */
  async lines(signal: AbortSignal): Promise<readonly string[]> {
    for (;;) {
      await this.#intake.ready(signal)
      const lines = this.take()
      if (lines.length > 0 || this.#intake.ended || signal.aborted) return lines
    }
  }

  /** Whole lines that came since the last call. */
  take(): readonly string[] {
    const bytes = this.#intake.takeBehind(this.#rest)
    const end = bytes.lastIndexOf(10) + 1
    // A line that goes on and on is nothing that such a command prints.
    this.#rest = bytes.length - end > gatherBytes ? Buffer.alloc(0) : bytes.subarray(end)
    return end === 0 ? [] : bytes.toString('utf8', 0, end - 1).split('\n')
  }

  /** Rejects with how the command ended, once it has. */
  async failure(): Promise<never> {
    const how = await this.#closed
    const says = this.#complaint.trim() || 'it said nothing'
    throw new HeadwaterError('unavailable', `${this.#command} has ended (${how}): ${says}`)
  }

  /** Ends the command; resolves when it is gone. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
    this.#intake.close()
  }
}
