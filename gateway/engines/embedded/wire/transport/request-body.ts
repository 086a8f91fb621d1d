import type { BytePool, Reservation } from '../../../../../shared/byte-pool.ts'
import type { Clock } from '../../../../../shared/clock.ts'
import { WireError } from '../wire-error.ts'
import type { HttpRequest } from './http-exchange.ts'

/** A body in memory; `release` gives its bytes back to the pool, when nothing refers to it there. */
export interface RequestBody {
  readonly bytes: Buffer
  release(): void
}

export interface RequestBodiesOptions {
  /** Largest body. Bytes. */
  readonly maxBytes: number
  /** From the end of the headers to the end of the body. Milliseconds. */
  readonly timeoutMs: number
  readonly pool: BytePool
  readonly clock: Clock
}

/** A body of unknown length takes room as it comes, or a few slow ones would hold all of it. Bytes. */
const stepBytes = 64 * 1024

/** Reads bodies whole, within bounds that hold for one and for all together. */
export class RequestBodies {
  readonly #options: RequestBodiesOptions

  constructor(options: RequestBodiesOptions) {
    this.#options = options
  }

  /** Rejects with `ValidationException` for one that is too large or too slow, with `unavailable`. */
  async read(request: HttpRequest): Promise<RequestBody> {
    const { clock, timeoutMs } = this.#options
    const done = new AbortController()
    let late = false
    void clock.sleep(timeoutMs, done.signal).then(() => {
      if (done.signal.aborted) return
      late = true
      request.destroy()
    })
    try {
      return await this.#take(request)
    } catch (thrown) {
      if (!late) throw thrown
      const message = `the body did not arrive within ${timeoutMs} ms`
      throw new WireError('ValidationException', message, { cause: thrown })
    } finally {
      done.abort()
    }
  }

  async #take(request: HttpRequest): Promise<RequestBody> {
    const { maxBytes, pool } = this.#options
    const announced = request.headers['content-length']
    if (Number(announced ?? 0) > maxBytes) throw this.#tooLarge()
    const places: Reservation[] = []
    const release = () => {
      for (const place of places) place.release()
    }
    let reserved = 0
    const reserve = async (bytes: number) => {
      places.push(await pool.reserve(bytes))
      reserved += bytes
    }
    try {
      await reserve(announced === undefined ? stepBytes : Number(announced))
      const bytes = await this.#gather(request, async (length) => {
        while (length > reserved) await reserve(stepBytes)
      })
      return { bytes, release }
    } catch (error) {
      release()
      throw error
    }
  }

  async #gather(
    request: HttpRequest,
    makeRoom: (length: number) => Promise<void>
  ): Promise<Buffer> {
    const chunks: Buffer[] = []
    let length = 0
    // Left whole on an early end: the answer still has to go out on its socket.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      length += chunk.length
      if (length > this.#options.maxBytes) throw this.#tooLarge()
      await makeRoom(length)
      chunks.push(chunk)
    }
    return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)
  }

  #tooLarge(): WireError {
    return new WireError(
      'ValidationException',
      `The request is over the limit of ${this.#options.maxBytes} bytes; send fewer records at once.`
    )
  }
}
