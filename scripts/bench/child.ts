import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

/** A process under measurement, with what the kernel says of it. */
export class Child {
  readonly #process: ChildProcess
  output = ''

  constructor(command: string, args: readonly string[]) {
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.output = (this.output + bytes.toString()).slice(-20_000)
      })
    }
  }

  /** One of our programs, or another file of the build, by its path under `dist`. */
  static ours(file: string, args: readonly string[]): Child {
    const path = fileURLToPath(new URL(`../../${file}`, import.meta.url))
    return new Child(process.execPath, [path, ...args])
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** User and system time so far, seconds. */
  cpuSeconds(): number {
    const stat = this.#read('stat')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** Resident memory now and at its highest, bytes. */
  memory(): { now: number; peak: number } {
    const status = this.#read('status')
    const kib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)
    return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 }
  }

  /** Bytes it made dirty in the page cache of disks so far. */
  writtenBytes(): number {
    return Number(/^write_bytes: (\d+)$/m.exec(this.#read('io'))?.[1] ?? Number.NaN)
  }

  async stop(): Promise<void> {
    if (!this.running) return
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await gone
  }

  /** The line that a helper process prints as its result. */
  async result<T>(): Promise<T> {
    if (this.running) await once(this.#process, 'exit')
    if (this.#process.exitCode !== 0) throw new Error(`a measured process failed:\n${this.output}`)
    return JSON.parse(this.output.trim().split('\n').at(-1) ?? '') as T
  }

  #read(name: string): string {
    return readFileSync(`/proc/${this.#process.pid}/${name}`, 'utf8')
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Asks every few milliseconds until the answer is true. */
export async function until(
  what: string,
  check: () => Promise<boolean>,
  ms = 120_000
): Promise<void> {
  const end = performance.now() + ms
  while (performance.now() < end) {
    if (await check().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${what}: not within ${ms} ms`)
}

export async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url)
  await response.arrayBuffer()
  return response.ok
}
