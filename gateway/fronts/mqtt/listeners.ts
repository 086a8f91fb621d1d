import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Clock } from '../../../shared/clock.ts'
import { listenError } from '../../../shared/listen-error.ts'
import type { Log } from '../../../shared/log.ts'
import type { TlsHandshakes } from '../../../shared/tls-handshakes.ts'
import { guardPeers } from '../tls/guard-peers.ts'
import { contextOptions, serverOptions, type TlsSource } from '../tls/tls-source.ts'

export interface MqttListener {
  readonly host: string
  /** 0: any free one, see `MqttFront.ports`. */
  readonly port: number
  /** Absent: cleartext. */
  readonly tls?: TlsSource
}

export interface ListenersOptions {
  readonly clock: Clock
  readonly log: Log
  readonly maxConnections: number
  /** How long a TLS handshake may take. Milliseconds. */
  readonly handshakeTimeoutMs: number
  readonly onSocket: (socket: Socket) => void
  readonly onTurnedAway: () => void
}

/** How long a peer that says nothing is trusted to be there before the kernel asks. Milliseconds. */
const tcpKeepAliveMs = 60_000

/** Connections that wait to be accepted: a fleet comes back all at once. The kernel may allow less. */
const backlog = 4096

/** The ports that the front listens on. */
export class Listeners {
  readonly #options: ListenersOptions
  readonly #servers: Server[] = []
  readonly #handshakes: TlsHandshakes[] = []
  /** All that are open, those in the middle of a TLS handshake too. */
  readonly #sockets = new Set<Socket>()

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** In the order in which they were opened. */
  get ports(): readonly number[] {
    return this.#servers.map((server) => {
      const address = server.address()
      return typeof address === 'object' && address ? address.port : 0
    })
  }

  /** Rejects with `port_taken`, or `config` for an address that cannot be had. */
  async open(listener: MqttListener): Promise<void> {
    const server = this.#createServer(listener.tls)
    server.maxConnections = this.#options.maxConnections
    server.on('drop', this.#options.onTurnedAway)
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(listenError(listener, '--mqtt', cause)))
      const { host, port } = listener
      server.listen({ host, port, backlog }, resolve)
    })
    server.on('error', (error) => this.#options.log.error({ error }, 'mqtt listener failed'))
    this.#servers.push(server)
  }

  /** Takes no new connections from this call on; resolves when the old ones are gone. */
  async close(): Promise<void> {
    for (const handshakes of this.#handshakes) handshakes.close()
    await Promise.all(
      this.#servers.map((server) => new Promise((resolve) => server.close(resolve)))
    )
  }

  /** Cuts the connections that are left. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #createServer(tls: TlsSource | undefined): Server {
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs }
    const { onSocket } = this.#options
    if (!tls) return createServer(options, onSocket)
    const settings = tls.current()
    const server = createTlsServer({ ...options, ...serverOptions(settings) }, onSocket)
    this.#handshakes.push(guardPeers(server, { ...this.#options, auth: settings.clients?.auth }))
    tls.onChange((next) => server.setSecureContext(contextOptions(next)))
    return server
  }
}
