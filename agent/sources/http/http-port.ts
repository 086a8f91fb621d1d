import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { HeadwaterError } from '../../../shared/errors.ts'
import { formatListenAddress, type ListenAddress } from '../../../shared/listen-address.ts'

export interface RequestHandler {
  /** Answers every request; never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
}

/** A plain HTTP server with a limit on everything. */
export class HttpPort {
  readonly #option: string
  readonly #server: Server

  /** `option` is the key of the configuration that moves it. */
  constructor(option: string, handler: RequestHandler) {
    this.#option = option
    this.#server = createServer(
      {
        headersTimeout: 10_000,
        requestTimeout: 60_000,
        keepAliveTimeout: 10_000,
        maxHeaderSize: 16 * 1024,
        connectionsCheckingInterval: 5000
      },
      (request, response) => {
        void handler.handle(request, response)
      }
    )
    this.#server.maxConnections = 256
  }

  get address(): ListenAddress | undefined {
    const bound = this.#server.address()
    return typeof bound === 'object' && bound
      ? { host: bound.address, port: bound.port }
      : undefined
  }

  /** Rejects with `port_taken` or `config`, naming the option. */
  async open(where: ListenAddress): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: NodeJS.ErrnoException) => reject(this.#refusal(where, cause))
      this.#server.once('error', failed)
      this.#server.listen(where.port, where.host, () => {
        this.#server.off('error', failed)
        resolve()
      })
    })
  }

  /** Takes no more connections, lets `finish` answer those there are, and closes them all. */
  async close(finish: () => Promise<void>): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    await finish()
    this.#server.closeAllConnections()
    await closed
  }

  #refusal(where: ListenAddress, cause: NodeJS.ErrnoException): HeadwaterError {
    const text = formatListenAddress(where)
    return cause.code === 'EADDRINUSE'
      ? new HeadwaterError(
          'port_taken',
          `${text} is in use by another program; choose another port in ${this.#option}`,
          { cause }
        )
      : new HeadwaterError(
          'config',
          `cannot listen on ${text} (${this.#option}): ${cause.message}`,
          {
            cause
          }
        )
  }
}
