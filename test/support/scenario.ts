import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort, Program, ready } from './programs.ts'
import { tempDir } from './temp-dir.ts'

export type Combination = 'http-cbor' | 'http-json' | 'mqtt-cbor' | 'mqtt-json'
export const combinations: readonly Combination[] = [
  'http-cbor',
  'http-json',
  'mqtt-cbor',
  'mqtt-json'
]

/** A directory, ports that stay the same over restarts, and the two programs between them. */
export class Scenario {
  readonly directory: string
  readonly httpPort: number
  readonly mqttPort: number
  readonly #t: TestContext

  private constructor(t: TestContext, directory: string, ports: readonly [number, number]) {
    this.#t = t
    this.directory = directory
    this.httpPort = ports[0]
    this.mqttPort = ports[1]
  }

  static async create(t: TestContext): Promise<Scenario> {
    return new Scenario(t, await tempDir(t), [await freePort(), await freePort()])
  }

  get url(): string {
    return `http://127.0.0.1:${this.httpPort}`
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.mqttPort}`
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  async file(name: string, content: string): Promise<string> {
    await writeFile(this.path(name), content)
    return this.path(name)
  }

  gateway(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Program {
    return new Program(this.#t, 'gateway', {
      env,
      args: [
        'run',
        ...['--data-dir', this.path('gateway')],
        ...['--http', `127.0.0.1:${this.httpPort}`],
        ...['--mqtt', `127.0.0.1:${this.mqttPort}`, '--kinesis', 'off'],
        ...args
      ]
    })
  }

  async startGateway(
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {}
  ): Promise<Program> {
    const gateway = this.gateway(args, env)
    gateway.start()
    await ready(this.url, gateway)
    return gateway
  }

  /** An agent that sends to this gateway; its health listener is off unless asked for. */
  agent(
    args: readonly string[],
    options: { device?: string; via?: Combination; dataDir?: string } = {}
  ): Program {
    const via = options.via ?? 'http-cbor'
    const device = options.device ?? 'device-1'
    return new Program(this.#t, 'agent', {
      args: [
        'run',
        ...['--data-dir', options.dataDir ?? this.path(`agent-${device}`)],
        ...['--device', device],
        ...['--to', via.startsWith('mqtt') ? this.mqttUrl : this.url],
        ...['--format', via.endsWith('json') ? 'json' : 'cbor'],
        ...['--health', 'off'],
        ...args
      ]
    })
  }
}

/** `count` numbered lines, each with its newline. */
export function numberedLines(count: number, from = 1): string {
  const lines: string[] = []
  for (let i = from; i < from + count; i++) lines.push(`line ${i} of a log that is tailed\n`)
  return lines.join('')
}
