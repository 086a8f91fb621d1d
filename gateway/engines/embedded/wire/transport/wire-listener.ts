import { createServer as createHttp1Server, type Server as Http1Server } from 'node:http'
import {
  createSecureServer,
  createServer as createHttp2Server,
  type Http2SecureServer,
  type ServerHttp2Session
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock } from '../../../../../shared/clock.ts'
import { HeadwaterError } from '../../../../../shared/errors.ts'
import { formatListenAddress, type ListenAddress } from '../../../../../shared/listen-address.ts'
import type { Certificate } from './certificate.ts'
import type { HttpHandler } from './http-exchange.ts'
import { sniffVersion } from './preface.ts'

export interface ListenerLimits {
  /** More are refused. */
  readonly connections: number
  /** Requests under way on one HTTP/2 connection. */
  readonly streams: number
  /** From the start of a request, or of a connection, to the end of its headers. Milliseconds. */
  readonly headersTimeoutMs: number
  /** How long an idle HTTP/1.1 connection is kept. Milliseconds. */
  readonly keepAliveMs: number
}

export interface ListenerOptions {
  readonly listen: ListenAddress
  /** Encrypted when given: the version is then agreed on by ALPN, and by the first bytes otherwise. */
  readonly certificate?: Certificate
  /** The flag that moves the port; for messages. */
  readonly flag: string
  readonly handler: HttpHandler
  readonly limits: ListenerLimits
  readonly clock: Clock
}

/** One port that serves HTTP/1.1 and HTTP/2. */
export class WireListener {
  readonly #options: ListenerOptions
  readonly #server: Http1Server | Http2SecureServer
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #sockets = new Set<Socket>()

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#server = options.certificate ? this.#encrypted(options.certificate) : this.#plain(options)
    this.#server.maxConnections = options.limits.connections
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** 0 before it listens. */
  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Rejects with `port_taken`, and with `config` for an address that is not this machine's. */
  async open(): Promise<void> {
    const { listen, flag } = this.#options
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject)
        this.#server.listen(listen.port, listen.host, () => {
          this.#server.off('error', reject)
          resolve()
        })
      })
    } catch (cause) {
      const where = formatListenAddress(listen)
      throw (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
        ? new HeadwaterError('port_taken', `${where} is in use; choose another with ${flag}`, {
            cause
          })
        : new HeadwaterError('config', `cannot listen on ${where} (${flag}): ${String(cause)}`, {
            cause
          })
    }
  }

  /** Takes no new connection, tells the others to end, and resolves when they have. */
  async close(deadline: AbortSignal): Promise<void> {
    if (!this.#server.listening) return
    const cut = () => {
      for (const socket of this.#sockets) socket.destroy()
    }
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const session of this.#sessions) session.close()
    if (deadline.aborted) cut()
    deadline.addEventListener('abort', cut, { once: true })
    await closed
    deadline.removeEventListener('abort', cut)
  }

  #plain({ handler, limits, clock }: ListenerOptions): Http1Server {
    const { headersTimeoutMs, keepAliveMs, streams } = limits
    const http2 = createHttp2Server({ settings: { maxConcurrentStreams: streams } }, handler)
    http2.on('session', (session) => this.#keep(session))
    const http1 = createHttp1Server(
      {
        headersTimeout: headersTimeoutMs,
        // Bodies are timed by who reads them.
        requestTimeout: 0,
        keepAliveTimeout: keepAliveMs,
        connectionsCheckingInterval: Math.min(5000, Math.ceil(headersTimeoutMs / 2))
      },
      handler
    )
    // The server that listens is that of HTTP/1.1, so that it knows which of its connections are
    // idle; in front of its own listener each connection is asked for its version.
    const [serveHttp1] = http1.listeners('connection')
    http1.removeAllListeners('connection')
    http1.on('connection', async (socket: Socket) => {
      socket.on('error', ignore)
      const version = await sniffVersion(socket, { clock, waitMs: headersTimeoutMs })
      socket.off('error', ignore)
      if (version === 1) serveHttp1?.call(http1, socket)
      else if (version === 2) http2.emit('connection', withoutHalfOpen(socket))
      else socket.destroy()
    })
    return http1
  }

  #encrypted({ cert, key }: Certificate): Http2SecureServer {
    const { handler, limits } = this.#options
    const server = createSecureServer(
      { cert, key, allowHTTP1: true, settings: { maxConcurrentStreams: limits.streams } },
      handler
    )
    server.on('session', (session) => this.#keep(session))
    return server
  }

  #keep(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
    // A client that breaks the protocol loses its connection, and nobody else anything.
    session.on('error', ignore)
  }
}

function ignore(): void {}

/** Sockets of an HTTP/1.1 server outlive the end of what the client sends; those of HTTP/2 must not. */
function withoutHalfOpen(socket: Socket): Socket {
  socket.allowHalfOpen = false
  return socket
}
