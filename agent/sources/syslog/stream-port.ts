import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Clock } from '../../../shared/clock.ts'
import type { ListenAddress } from '../../../shared/listen-address.ts'
import { TlsHandshakes } from '../../../shared/tls-handshakes.ts'
import { MessageFramer } from './message-framer.ts'
import { peerName } from './peers.ts'
import { listenFailure, type Port, type Receiver } from './port.ts'
import type { SyslogAddress } from './syslog-address.ts'

/** How long a peer that is gone without a word can keep its place. Milliseconds. */
const keepAliveMs = 60_000

/** How long a TLS handshake may take. Milliseconds. */
const handshakeTimeoutMs = 10_000

/** PEM texts; with `ca` a peer must show a certificate of that authority. */
export interface StreamTls {
  readonly cert: string
  readonly key: string
  readonly ca?: string | undefined
}

interface StreamPortOptions {
  readonly address: SyslogAddress
  readonly receiver: Receiver
  readonly clock: Clock
  readonly tls: StreamTls | undefined
  readonly maxConnections: number
  readonly maxMessageBytes: number
  readonly idleMs: number
}

/** Messages over TCP or TLS. Peers wait, unread, while there is no room. */
export class StreamPort implements Port {
  readonly #options: StreamPortOptions
  readonly #server: Server
  readonly #handshakes: TlsHandshakes | undefined
  readonly #sockets = new Set<Socket>()
  readonly #served = new Set<Promise<void>>()

  constructor(options: StreamPortOptions) {
    this.#options = options
    const { tls, receiver, clock } = options
    if (tls) {
      const server = createTlsServer(tlsOptions(tls), (socket) => this.#serve(socket))
      server.on('connection', (socket) => this.#admit(socket))
      this.#handshakes = new TlsHandshakes(server, { clock, timeoutMs: handshakeTimeoutMs })
      this.#server = server
    } else {
      this.#server = createServer((socket) => {
        if (this.#admit(socket)) this.#serve(socket)
      })
    }
    this.#server.maxConnections = options.maxConnections
    for (const event of ['drop', 'tlsClientError']) {
      this.#server.on(event, () => receiver.problem('refused_connection'))
    }
    // Such as too many open files when one is accepted: the next may work.
    this.#server.on('error', () => receiver.problem('refused_connection'))
  }

  get address(): ListenAddress | undefined {
    const bound = this.#server.address()
    return typeof bound === 'object' && bound
      ? { host: bound.address, port: bound.port }
      : undefined
  }

  async open(): Promise<void> {
    const { address } = this.#options
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: Error) => reject(listenFailure(address, cause))
      this.#server.once('error', failed)
      this.#server.listen(address.port, address.host, () => {
        this.#server.off('error', failed)
        resolve()
      })
    })
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#handshakes?.close()
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(this.#served)
    await closed
  }

  #admit(socket: Socket): boolean {
    if (!this.#options.receiver.allows(peerName(socket.remoteAddress ?? ''))) {
      this.#options.receiver.problem('refused_peer')
      socket.destroy()
      return false
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return true
  }

  #serve(socket: Socket): void {
    const served = this.#read(socket).finally(() => this.#served.delete(served))
    this.#served.add(served)
  }

  async #read(socket: Socket): Promise<void> {
    const { receiver, maxMessageBytes, idleMs } = this.#options
    const peer = peerName(socket.remoteAddress ?? '')
    const framer = new MessageFramer(maxMessageBytes, (bytes, cut) => {
      receiver.message(bytes, { peer, cut })
    })
    socket.setKeepAlive(true, keepAliveMs)
    socket.setTimeout(idleMs, () => {
      // A peer that waits for room is not idle.
      if (receiver.full) return
      receiver.problem('idle_connection')
      socket.destroy()
    })
    let whole = true
    try {
      const pieces: AsyncIterable<Buffer> = socket
      for await (const piece of pieces) {
        // Many may have waited, and those before this one may have taken all the room.
        while (receiver.full) await receiver.room()
        framer.push(piece)
      }
    } catch (error) {
      whole = false
      if (!endedHere(error)) receiver.problem('lost_connection')
    }
    while (receiver.full) await receiver.room()
    framer.end(whole)
  }
}

function endedHere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}

function tlsOptions({ cert, key, ca }: StreamTls): object {
  return ca === undefined ? { cert, key } : { cert, key, ca, requestCert: true }
}
