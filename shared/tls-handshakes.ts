import type { Socket } from 'node:net'
import type { Server } from 'node:tls'
import type { Clock } from './clock.ts'

export interface TlsHandshakesOptions {
  readonly clock: Clock
  /** How long a handshake may take. Milliseconds. */
  readonly timeoutMs: number
  /** Called before the connection is ended; the server has `tlsClientError` with ECONNRESET then. */
  readonly onTimeout?: (socket: Socket) => void
}

interface Handshake {
  readonly socket: Socket
  readonly over: AbortController
}

/**
 * The connections of a TLS server that nobody serves yet. The `handshakeTimeout` of Node only
 * reports those that are silent, and a server that closes waits for them: here each has a deadline,
 * however busily it talks. As many as the server takes connections. To be made when the server has
 * its listeners, and closed with it.
 */
export class TlsHandshakes {
  readonly #options: TlsHandshakesOptions
  /** By the address and port of the peer, the one thing that the raw socket and the TLS one share. */
  readonly #open = new Map<string, Handshake>()
  #closing = false

  constructor(server: Server, options: TlsHandshakesOptions) {
    this.#options = options
    server.on('connection', (socket) => this.#begin(socket))
    server.prependListener('secureConnection', (socket) => {
      this.#open.get(peerOf(socket))?.over.abort()
    })
  }

  /** Ends all, and those that begin from now on. */
  close(): void {
    this.#closing = true
    for (const { socket } of this.#open.values()) socket.destroy()
  }

  #begin(socket: Socket): void {
    // Gone already when it has no address.
    if (this.#closing || socket.remotePort === undefined) {
      socket.destroy()
      return
    }
    const peer = peerOf(socket)
    const handshake = { socket, over: new AbortController() }
    this.#open.set(peer, handshake)
    socket.once('close', () => handshake.over.abort())
    void this.#watch(peer, handshake)
  }

  async #watch(peer: string, handshake: Handshake): Promise<void> {
    const { clock, timeoutMs, onTimeout } = this.#options
    const { socket, over } = handshake
    await clock.sleep(timeoutMs, over.signal)
    if (this.#open.get(peer) === handshake) this.#open.delete(peer)
    if (over.signal.aborted) return
    onTimeout?.(socket)
    socket.destroy()
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
