import { once } from 'node:events'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { Server as TlsServer, TLSSocket } from 'node:tls'
import type { Clock } from '../../../../../shared/clock.ts'
import type { ListenAddress } from '../../../../../shared/listen-address.ts'
import { listenError } from '../../../../../shared/listen-error.ts'
import { TlsHandshakes } from '../../../../../shared/tls-handshakes.ts'
import type { Certificate } from './certificate.ts'
import type { HttpHandler } from './http-exchange.ts'
import { oneByOne } from './one-by-one.ts'
import { sniffVersion } from './preface.ts'

export interface ListenerLimits {
  /** More are refused. */
  readonly connections: number
  /** Requests under way on one HTTP/2 connection. */
  readonly streams: number
  /**
   * From the start of a request, or of a connection, to the end of its headers; as long before that
   * for a TLS handshake. Milliseconds.
   */
  readonly headersTimeoutMs: number
  /** From the end of the headers to the end of the largest body. Milliseconds. */
  readonly bodyTimeoutMs: number
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

const keepAliveProbeMs = 60_000
const ALPNProtocols = ['h2', 'http/1.1']

/** One port that serves HTTP/1.1 and HTTP/2. */
export class WireListener {
  readonly #options: ListenerOptions
  readonly #server: Server
  readonly #handshakes: TlsHandshakes | undefined
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #sockets = new Set<Socket>()
  /** Those that have not said yet what they speak. */
  readonly #silent = new Set<Socket>()

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#server = this.#serve(options)
    this.#server.maxConnections = options.limits.connections
    this.#server.on('connection', (socket: Socket) => {
      // Peers that are gone without a word are found out.
      socket.setKeepAlive(true, keepAliveProbeMs)
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    if (this.#server instanceof TlsServer) {
      const timeoutMs = options.limits.headersTimeoutMs
      this.#handshakes = new TlsHandshakes(this.#server, { clock: options.clock, timeoutMs })
    }
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
    this.#server.listen(listen.port, listen.host)
    try {
      await once(this.#server, 'listening')
    } catch (cause) {
      throw listenError(listen, flag, cause)
    }
  }

  /** New connections get this certificate; for a listener that has one. */
  renew({ cert, key }: Certificate): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext({ cert, key })
  }

  /** Takes no new connection, tells the others to end, and resolves when they have. */
  async close(deadline: AbortSignal): Promise<void> {
    if (!this.#server.listening) return
    const cut = () => {
      for (const socket of this.#sockets) socket.destroy()
    }
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const session of this.#sessions) session.close()
    for (const socket of this.#silent) socket.destroy()
    this.#handshakes?.close()
    if (deadline.aborted) cut()
    deadline.addEventListener('abort', cut, { once: true })
    await closed
    deadline.removeEventListener('abort', cut)
  }

  /**
   * The server that listens is that of HTTP/1.1, so that it knows which of its connections are
   * idle; in front of it each connection is asked for its version.
   */
  #serve({ certificate, handler, limits }: ListenerOptions): Server {
    const options = {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.headersTimeoutMs + limits.bodyTimeoutMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(5000, Math.ceil(limits.headersTimeoutMs / 2))
    }
    const server = certificate
      ? createHttpsServer({ ...options, ...certificate, ALPNProtocols }, oneByOne(handler))
      : createHttpServer(options, oneByOne(handler))
    const http2 = createHttp2Server({ settings: { maxConcurrentStreams: limits.streams } }, handler)
    http2.on('session', (session) => this.#keep(session))
    const ready = certificate ? 'secureConnection' : 'connection'
    const [serveHttp1] = server.listeners(ready)
    server.removeAllListeners(ready)
    server.on(ready, (socket: Socket) => {
      this.#silent.add(socket)
      void this.#versionOf(socket).then((version) => {
        this.#silent.delete(socket)
        if (socket.destroyed) return
        if (version === 1) serveHttp1?.call(server, socket)
        else if (version === 2) http2.emit('connection', withoutHalfOpen(socket))
        else socket.destroy()
      })
    })
    return server
  }

  async #versionOf(socket: Socket): Promise<1 | 2 | undefined> {
    if (socket instanceof TLSSocket) return socket.alpnProtocol === 'h2' ? 2 : 1
    const { clock, limits } = this.#options
    return sniffVersion(socket, { clock, waitMs: limits.headersTimeoutMs })
  }

  #keep(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
    // A client that breaks the protocol loses its connection, and nobody else anything.
    session.on('error', ignore)
  }
}

function ignore(): void {}

/** Sockets of HTTP/1.1 outlive the end of what the client sends; those of HTTP/2 must not. */
function withoutHalfOpen(socket: Socket): Socket {
  socket.allowHalfOpen = false
  return socket
}
