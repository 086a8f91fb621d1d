import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { kinesisHeaders } from './kinesis-request.ts'

const readBytes = 64 * 1024
const headEnd = '\r\n\r\n'
const goodHead = /^HTTP\/1\.1 200 [\s\S]*\r\ncontent-length: (\d+)\r\n/i

/** Settles the call that is under way. */
interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * One HTTP/1.1 connection that sends the same call again and again and only counts the bytes of its
 * answers: the load runs on the cores of the server, and must leave them to it.
 */
export class KinesisConnection {
  readonly #socket: Socket
  readonly #request: Buffer
  #waiting: Waiting | undefined
  /** What has come of the head of an answer. */
  #head = ''
  /** Bytes of its body that are still to come; undefined before its head is there. */
  #left: number | undefined

  private constructor(url: URL, request: Buffer) {
    this.#request = request
    const buffer = Buffer.allocUnsafeSlow(readBytes)
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      // One buffer for all that is read.
      onread: {
        buffer,
        callback: (bytes) => {
          this.#take(buffer, bytes)
          return true
        }
      }
    })
    this.#socket.on('error', (error) => this.#waiting?.reject(error))
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the connection was closed')))
  }

  static async open(address: string, operation: string, body: Buffer): Promise<KinesisConnection> {
    const url = new URL(address)
    const headers = { ...kinesisHeaders(operation), host: url.host, 'content-length': body.length }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const head = Buffer.from(`POST / HTTP/1.1\r\n${lines.join('')}\r\n`)
    const connection = new KinesisConnection(url, Buffer.concat([head, body]))
    await once(connection.#socket, 'connect')
    return connection
  }

  /** Resolves when the answer is there, rejects unless it is a good one. Calls must not overlap. */
  send(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(this.#request)
    })
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #take(buffer: Buffer, bytes: number): void {
    let body = bytes
    if (this.#left === undefined) {
      this.#head += buffer.toString('latin1', 0, bytes)
      const end = this.#head.indexOf(headEnd)
      if (end < 0) return
      const length = goodHead.exec(this.#head)?.[1]
      if (length === undefined) this.#waiting?.reject(new Error(this.#head))
      body = this.#head.length - end - headEnd.length
      this.#left = Number(length)
      this.#head = ''
    }
    this.#left -= body
    if (this.#left > 0) return
    this.#left = undefined
    this.#waiting?.resolve()
  }
}
