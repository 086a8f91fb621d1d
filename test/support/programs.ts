import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cleanUp } from './cleanup.ts'

/** Where the compiled programs stand beside the compiled tests. */
const built = join(dirname(fileURLToPath(import.meta.url)), '../..')
const mains = {
  agent: join(built, 'agent/main.js'),
  gateway: join(built, 'gateway/main.js'),
  stream: join(built, 'gateway/stream-main.js')
} as const

/** A real process of one of the programs, ended with the test. */
export class Program {
  readonly name: string
  readonly #arguments: readonly string[]
  readonly #environment: Readonly<Record<string, string>>
  #child: ChildProcess | undefined
  /** Resolves when it has ended and all that it wrote was read, which may be after its end. */
  #closed: Promise<unknown> = Promise.resolve()
  /** Everything it wrote, over all its lives. While it runs, ask by `says`: a pipe takes its time. */
  output = ''

  constructor(
    t: TestContext,
    program: keyof typeof mains,
    options: { args: readonly string[]; env?: Readonly<Record<string, string>> }
  ) {
    this.name = program
    this.#arguments = [mains[program], ...options.args]
    this.#environment = options.env ?? {}
    cleanUp(t, () => this.kill())
  }

  get running(): boolean {
    return (
      this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
    )
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  start(): void {
    const env = { ...process.env, ...this.#environment, NODE_OPTIONS: '' }
    const child = spawn(process.execPath, [...this.#arguments], {
      env,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.output = (this.output + bytes.toString()).slice(-100_000)
      })
    }
    this.#child = child
    this.#closed = once(child, 'close')
  }

  /** Waits until it has written this. */
  async says(what: RegExp): Promise<void> {
    const said = async () => what.test(this.output) || undefined
    await eventually(`${this.name} says ${what}`, said).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.output}`, { cause: error })
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** kill -9, and waits until it is gone. */
  async kill(): Promise<void> {
    if (!this.#child || !this.running) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  /** The exit code, when it ends within `ms`; else an error with what it wrote. */
  async exit(ms = 30_000): Promise<number | null> {
    const child = this.#child
    if (!child) throw new Error(`${this.name} was not started`)
    const ended = new AbortController()
    const late = delay(ms, undefined, { signal: ended.signal }).then(() => {
      throw new Error(`${this.name} did not end within ${ms} ms:\n${this.output}`)
    })
    try {
      await Promise.race([this.#closed, late])
    } finally {
      ended.abort()
      await late.catch(() => undefined)
    }
    return child.exitCode
  }
}

let portsGiven = 0

/**
 * A port on which nobody listens. The system gives out others to who asks for any (from 32768 on),
 * and each process of tests has its own part of these: so nobody takes it before the program
 * listens, nor while that is down between two lives.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + ((process.pid * 50 + portsGiven++) % 22_000)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

/** Asks until `check` gives something, at most `ms`. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined>,
  ms = 30_000
): Promise<T> {
  const end = Date.now() + ms
  let last: unknown
  while (Date.now() < end) {
    try {
      const value = await check()
      if (value !== undefined) return value
    } catch (error) {
      last = error
    }
    await delay(50)
  }
  throw new Error(`${what}: not within ${ms} ms`, { cause: last })
}

/** Waits until the program at `url` says that it is ready. */
export async function ready(url: string, program: Program): Promise<void> {
  await eventually(`${program.name} ready at ${url}`, async () => {
    if (!program.running) throw new Error(`${program.name} ended:\n${program.output}`)
    const response = await fetch(`${url}/readyz`)
    await response.arrayBuffer()
    return response.ok ? true : undefined
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${program.output}`, { cause: error })
  })
}

export interface ReadRecord {
  readonly shard: string
  readonly sequence: string
  readonly partitionKey: string
  readonly device?: string
  readonly epoch?: string
  readonly seq?: number
  readonly lane?: 'backlog'
  /** Only where the clock of the device was not known to be right. */
  readonly clock?: 'unsynced'
  readonly time: number
  readonly attributes?: Readonly<Record<string, string>>
  readonly data: string
}

/** All records of a stream from its start, as the gateway's HTTP front gives them. */
export async function readAll(gatewayUrl: string, stream = 'telemetry'): Promise<ReadRecord[]> {
  const response = await fetch(`${gatewayUrl}/v1/streams/${stream}/records?from=start`)
  if (!response.ok || !response.body) throw new Error(`read: ${response.status}`)
  const records: ReadRecord[] = []
  const { Readable } = await import('node:stream')
  for await (const line of createInterface({ input: Readable.fromWeb(response.body as never) })) {
    if (line !== '') records.push(JSON.parse(line) as ReadRecord)
  }
  return records
}

export function textOf(record: ReadRecord): string {
  return Buffer.from(record.data, 'base64').toString()
}
