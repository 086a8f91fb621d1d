// One of the programs as a child process: its log goes to a file, its warnings also to the terminal.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from './program.mjs'

const startMs = 60_000
/** A little more than the programs take to drain by themselves. */
const stopMs = 20_000

export class ChildProgram {
  /** Resolves with the exit code, or the signal, when it has ended. */
  ended
  #name
  #child
  #quiet = false

  constructor(name, { args, logFile }) {
    this.#name = name
    const stub = join(root, name, `bin/headwater-${name}.mjs`)
    // A group of its own: Ctrl-C reaches only this process, which ends the programs in their order.
    this.#child = spawn(process.execPath, [stub, ...args], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe']
    })
    this.ended = once(this.#child, 'exit').then(([code, signal]) => code ?? signal)
    const log = createWriteStream(logFile, { flags: 'a' })
    createInterface({ input: this.#child.stderr })
      .on('line', (line) => {
        log.write(`${line}\n`)
        this.#show(line)
      })
      .on('close', () => log.end())
  }

  /** Waits until `url` answers with 200; rejects when the program ends before that. */
  async ready(url) {
    const end = performance.now() + startMs
    const early = this.ended.then((code) => {
      throw new Error(`the ${this.#name} ended with ${code} before it was ready`)
    })
    while (performance.now() < end) {
      const answer = await Promise.race([early, fetch(url).catch(() => undefined)])
      await answer?.arrayBuffer()
      if (answer?.ok) return
      await Promise.race([early, delay(100)])
    }
    throw new Error(`the ${this.#name} was not ready within ${startMs / 1000} s`)
  }

  /** Lets it drain; kills it when that takes too long. */
  async stop() {
    this.#quiet = true
    this.#child.kill('SIGTERM')
    const late = new AbortController()
    const kill = delay(stopMs, undefined, { signal: late.signal }).then(
      () => this.kill(),
      () => undefined
    )
    await this.ended
    late.abort()
    await kill
  }

  kill() {
    this.#child.kill('SIGKILL')
  }

  #show(line) {
    const entry = parse(line)
    if (!entry) console.error(`${this.#name}: ${line}`)
    else if (entry.level === 'error' || (entry.level === 'warn' && !this.#quiet)) {
      const reason = entry.error?.message ? `: ${entry.error.message}` : ''
      console.error(`${this.#name}: ${entry.level}: ${entry.msg}${reason}`)
    }
  }
}

function parse(line) {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
