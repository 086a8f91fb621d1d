import type { BytePool } from '../../../../../shared/byte-pool.ts'
import { WireError } from '../wire-error.ts'
import { BodyRoom } from './body-room.ts'
import { bodyTimeMs, BodyWatch, type BodyWatchOptions } from './body-watch.ts'
import type { HttpRequest } from './http-exchange.ts'

/** A body in memory; `release` gives its bytes back to the pool, when nothing refers to it there. */
export interface RequestBody {
  readonly bytes: Buffer
  release(): void
}

export interface RequestBodiesOptions extends BodyWatchOptions {
  /** Largest body. Bytes. */
  readonly maxBytes: number
  readonly pool: BytePool
}

/** Reads bodies whole, within bounds that hold for one and for all together. */
export class RequestBodies {
  readonly #options: RequestBodiesOptions
  readonly #watch: BodyWatch

  constructor(options: RequestBodiesOptions) {
    this.#options = options
    this.#watch = new BodyWatch(options)
  }

  /** Bodies that are under way may come as slowly as they like: who listens ends them. */
  stop(): void {
    this.#watch.stop()
  }

  /** Rejects with `ValidationException` for one that is too large or too slow, with `unavailable`. */
  async read(request: HttpRequest): Promise<RequestBody> {
    const { maxBytes, pool } = this.#options
    const length = request.headers['content-length']
    const announced = Number(length ?? maxBytes)
    if (announced > maxBytes) throw this.#tooLarge()
    const room = new BodyRoom(pool, announced)
    const release = () => room.release()
    try {
      await room.cover(1)
      // A small body is there with its headers, and nobody has to watch how it comes.
      const first: Buffer | null = request.read()
      if (first) await this.#admit(first.length, room)
      if (first?.length === Number(length)) return { bytes: first, release }
      return { bytes: await this.#readRest(request, first, room), release }
    } catch (thrown) {
      release()
      throw thrown
    }
  }

  /** The whole body, of which `first` has come. */
  async #readRest(request: HttpRequest, first: Buffer | null, room: BodyRoom): Promise<Buffer> {
    const body = this.#watch.begin(request)
    const { chunks } = body
    if (first) chunks.push(first)
    body.bytes = first?.length ?? 0
    try {
      // Left whole on an early end: the answer still has to go out on its socket.
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        body.bytes += chunk.length
        await this.#admit(body.bytes, room)
        chunks.push(chunk)
      }
      return Buffer.concat(chunks, body.bytes)
    } catch (cause) {
      if (!body.isLate) throw cause
      const timeMs = bodyTimeMs(this.#options.timeoutMs, body.bytes)
      const message = `the body came too slowly: ${body.bytes} bytes within ${timeMs} ms`
      throw new WireError('ValidationException', message, { cause })
    } finally {
      this.#watch.end(body)
    }
  }

  async #admit(bytes: number, room: BodyRoom): Promise<void> {
    if (bytes > this.#options.maxBytes) throw this.#tooLarge()
    await room.cover(bytes)
  }

  #tooLarge(): WireError {
    return new WireError(
      'ValidationException',
      `The request is over the limit of ${this.#options.maxBytes} bytes; send fewer records at once.`
    )
  }
}
