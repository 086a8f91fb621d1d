import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Clock } from '../../shared/clock.ts'
import type { Component } from '../../shared/component.ts'
import { asHeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { AgentStatus } from './agent-status.ts'
import { controlSocket, fitsSocket } from './control-socket.ts'
import type { Taps, TapSide } from './taps.ts'
import { TapStream } from './tap-stream.ts'

/** Everybody who looks on takes some of the agent's time. */
const maxTappers = 4

const unknown = { code: 'not_found', message: '/status or /tap' } as const

export interface ControlServerOptions {
  readonly dataDir: string
  readonly status: () => AgentStatus
  readonly taps: Taps
  readonly clock: Clock
  readonly log: Log
}

/**
 * Answers the commands on this machine, over HTTP on a socket in the data directory: `GET /status`,
 * and `GET /tap` for the records that pass. Who may is who may write the socket: the agent's user
 * alone. An agent that cannot have the socket runs without it.
 */
export class ControlServer implements Component {
  readonly name = 'control'
  readonly #options: ControlServerOptions
  readonly #server: Server
  #stopped: Promise<void> | undefined

  constructor(options: ControlServerOptions) {
    this.#options = options
    this.#server = createServer((request, response) => this.#answer(request, response))
    this.#server.maxConnections = 16
  }

  /** The data directory is there and this process holds its lock, so a socket there is a dead one. */
  async start(): Promise<void> {
    const { dataDir, log } = this.#options
    const path = controlSocket(dataDir)
    try {
      if (!fitsSocket(path)) throw new Error(`${path} is too long for the name of a socket`)
      await rm(path, { force: true })
      this.#server.listen(path)
      await once(this.#server, 'listening')
      await chmod(path, 0o600)
      // A connection that cannot be taken, for want of files, must not end the agent.
      this.#server.on('error', (error) => log.warn({ error }, 'a command could not be answered'))
    } catch (error) {
      log.warn({ error }, 'the commands tap and top cannot reach this agent')
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      // The error says that it never listened. Closing removes the socket.
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
    return this.#stopped
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // `//` is no URL.
    if (!URL.canParse(request.url ?? '/', 'http://agent')) return sendJson(response, 404, unknown)
    const url = new URL(request.url ?? '/', 'http://agent')
    try {
      if (url.pathname === '/status') return sendJson(response, 200, this.#options.status())
      if (url.pathname === '/tap') return this.#tap(url.searchParams, response)
      sendJson(response, 404, unknown)
    } catch (error) {
      const { code, message, kind } = asHeadwaterError(error)
      sendJson(response, kind.status, { code, message })
    }
  }

  #tap(query: URLSearchParams, response: ServerResponse): void {
    const { taps, clock } = this.#options
    if (taps.count >= maxTappers) {
      const message = `${maxTappers} taps are open already; close one`
      return sendJson(response, 503, { code: 'unavailable', message })
    }
    const side = query.get('side')
    const sides: readonly TapSide[] =
      side === 'before' || side === 'after' ? [side] : ['before', 'after']
    const tapper = new TapStream(
      response,
      { source: query.get('source') ?? undefined, sides },
      clock
    )
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    response.flushHeaders()
    for (const end of ['close', 'error']) response.on(end, () => taps.remove(tapper))
    taps.add(tapper)
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}
