import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Component } from './component.ts'
import { asHeadwaterError } from './errors.ts'
import type { ListenAddress } from './listen-address.ts'
import { listenError } from './listen-error.ts'

/** What a program tells about itself. */
export interface Health {
  /** Why work cannot be done now; empty when it can. */
  notReady(): Promise<readonly string[]>
  /** What is as it should be, though it may not look so; absent: nothing is. */
  notes?(): readonly string[]
  /** The metrics as Prometheus text. */
  metrics(): Promise<string>
}

export interface HealthServerOptions {
  readonly address: ListenAddress
  /** What moves the port, for the message when it is taken. */
  readonly flag: string
  readonly health: Health
}

/** `/healthz`, `/readyz` and `/metrics` of a program that serves nothing else. */
export class HealthServer implements Component {
  readonly name = 'health'
  readonly #options: HealthServerOptions
  readonly #server: Server
  #stopped: Promise<void> | undefined

  constructor(options: HealthServerOptions) {
    this.#options = options
    const limits = { requestTimeout: 10_000, headersTimeout: 10_000, keepAliveTimeout: 30_000 }
    this.#server = createServer({ ...limits, maxHeaderSize: 8192 }, (request, response) => {
      const path = (request.url ?? '/').split('?')[0] ?? '/'
      const readOnly = request.method === 'GET' || request.method === 'HEAD'
      if (readOnly) void this.#answer(path, response)
      else send(response, { status: 405, type: 'text/plain', body: 'only GET\n' })
    })
    this.#server.maxConnections = 64
  }

  /** The port it listens on; 0 when it does not. */
  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  /** Rejects with `port_taken`, or with `config` for an address that is not this machine's. */
  async start(): Promise<void> {
    const { address, flag } = this.#options
    this.#server.listen(address.port, address.host)
    try {
      await once(this.#server, 'listening')
    } catch (cause) {
      throw listenError(address, flag, cause)
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      // The error says that it never listened.
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
    return this.#stopped
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const { health } = this.#options
    try {
      if (path === '/healthz') {
        const notes = health.notes?.() ?? []
        return sendJson(response, 200, { status: 'ok', ...(notes.length > 0 ? { notes } : {}) })
      }
      if (path === '/readyz') {
        const reasons = await health.notReady()
        const ready = reasons.length === 0
        const body = { status: ready ? 'ready' : 'not_ready', reasons }
        return sendJson(response, ready ? 200 : 503, body)
      }
      if (path === '/metrics') {
        const type = 'text/plain; version=0.0.4; charset=utf-8'
        return send(response, { status: 200, type, body: await health.metrics() })
      }
      sendJson(response, 404, { code: 'not_found', message: '/healthz, /readyz or /metrics' })
    } catch (error) {
      const { code, message, kind } = asHeadwaterError(error)
      sendJson(response, kind.status, { code, message })
    }
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, { status, type: 'application/json', body: `${JSON.stringify(body)}\n` })
}

function send(
  response: ServerResponse,
  { status, type, body }: { status: number; type: string; body: string }
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
