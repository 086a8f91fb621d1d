import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { cleanUp } from './cleanup.ts'

/** A server that says what it is told to say to whoever is connected: a gpsd, or NMEA over TCP. */
export class FakeReceiver {
  /** All that clients said. */
  heard = ''
  connections = 0
  readonly #server: Server
  #clients: Socket[] = []

  static async create(t: TestContext, greeting = ''): Promise<FakeReceiver> {
    const receiver = new FakeReceiver(greeting)
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    cleanUp(t, () => receiver.#close())
    return receiver
  }

  private constructor(greeting: string) {
    this.#server = createServer((socket) => {
      this.connections += 1
      this.#clients.push(socket)
      socket.on('data', (bytes) => {
        this.heard += bytes.toString()
      })
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#clients = this.#clients.filter((client) => client !== socket)
      })
      if (greeting !== '') socket.write(greeting)
    })
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  get isConnected(): boolean {
    return this.#clients.length > 0
  }

  /** To the client that came last. */
  say(text: string | Buffer): void {
    this.#clients.at(-1)?.write(text)
  }

  /** The connections there are end. */
  hangUp(): void {
    for (const client of this.#clients) client.destroy()
    this.#clients = []
  }

  async #close(): Promise<void> {
    this.hangUp()
    this.#server.close()
    if (this.#server.listening) await once(this.#server, 'close')
  }
}
