import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { encodeAckCbor, encodeAckJson } from '../../shared/wire/ack.ts'
import {
  ackOf,
  type FakeGateway,
  readCbor,
  readJson,
  type Reply,
  Script
} from './fake-gateway-script.ts'

/** Answers one request in its own way, in place of the script. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A gateway's HTTP front as far as a transport can see it, behaving as its script says. */
export class FakeHttpGateway implements FakeGateway {
  refusing = false
  connections = 0
  /** Answers the next requests in its own way, one each, before the script is asked. */
  readonly handlers: Handler[] = []
  readonly #script = new Script()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #secure: boolean
  /** Requests are read as they come and handled in the order of their arrival. */
  #turn = Promise.resolve()

  private constructor(tls: { cert: string; key: string } | undefined) {
    this.#secure = tls !== undefined
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      const body = readBody(request)
      this.#turn = this.#turn.then(async () => this.#answer(request, response, await body))
    }
    this.#server = tls ? createSecureServer(tls, handle) : createServer(handle)
    this.#server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.connections += 1
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async open(tls?: { cert: string; key: string }): Promise<FakeHttpGateway> {
    const gateway = new FakeHttpGateway(tls)
    gateway.#server.listen(0, '127.0.0.1')
    await once(gateway.#server, 'listening')
    return gateway
  }

  get url(): URL {
    const { port } = this.#server.address() as AddressInfo
    return new URL(`${this.#secure ? 'https' : 'http'}://127.0.0.1:${port}`)
  }

  get received() {
    return this.#script.received
  }

  get script(): Reply[] {
    return this.#script.replies
  }

  arrived(count: number): Promise<void> {
    return this.#script.arrived(count)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer | undefined
  ): Promise<void> {
    if (!body) return
    const handler = this.handlers.shift()
    if (handler) return handler(request, response)
    if (this.refusing) {
      response.writeHead(401, { 'content-type': 'text/plain' }).end('who are you?')
      return
    }
    const token = request.headers.authorization?.replace(/^Bearer /, '')
    const stream = /^\/v1\/streams\/([^/]+)\/records$/.exec(request.url ?? '')?.[1]
    const received = stream ? await readJson(body, stream, token) : await readCbor(body, token)
    const reply = this.#script.next(received)
    if (reply === 'hang') return
    if (reply === 'cut') request.socket.destroy()
    else if (reply === 'page') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Accept our terms</html>')
    } else {
      const fields = reply === 'other batch' ? { first: received.header.first + 1 } : reply
      const ack = ackOf(received.header, fields)
      const type = stream ? 'application/json' : 'application/cbor'
      response.writeHead(200, { 'content-type': type })
      response.end(stream ? encodeAckJson(ack) : encodeAckCbor(ack))
    }
  }
}

/** Undefined when the client goes away before the end. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer)
  } catch {
    return undefined
  }
  return Buffer.concat(chunks)
}
