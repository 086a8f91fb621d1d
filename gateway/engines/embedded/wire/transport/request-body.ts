import type { BytePool } from '../../../../../shared/byte-pool.ts'
import type { Clock } from '../../../../../shared/clock.ts'
import { WireError } from '../wire-error.ts'
import { BodyRoom } from './body-room.ts'
import type { HttpRequest } from './http-exchange.ts'

/** A body in memory; `release` gives its bytes back to the pool, when nothing refers to it there. */
export interface RequestBody {
  readonly bytes: Buffer
  release(): void
}

export interface RequestBodiesOptions {
  /** Largest body. Bytes. */
  readonly maxBytes: number
  /** From the end of the headers to the end of a body that brings nothing. Milliseconds. */
  readonly timeoutMs: number
  readonly pool: BytePool
  readonly clock: Clock
}

/** What comes gives a body more time: it may be this slow, and no slower. */
const leastBytesPerMs = (256 * 1024) / 1000

/** How long a body of `bytes` may take to come. Milliseconds. */
export function bodyTimeMs(timeoutMs: number, bytes: number): number {
  return timeoutMs + Math.floor(bytes / leastBytesPerMs)
}

/** What of a body is there. */
interface Gathered {
  readonly chunks: Buffer[]
  bytes: number
}

/** Reads bodies whole, within bounds that hold for one and for all together. */
export class RequestBodies {
  readonly #options: RequestBodiesOptions

  constructor(options: RequestBodiesOptions) {
    this.#options = options
  }

  /** Rejects with `ValidationException` for one that is too large or too slow, with `unavailable`. */
  async read(request: HttpRequest): Promise<RequestBody> {
    const { maxBytes, pool } = this.#options
    const announced = Number(request.headers['content-length'] ?? maxBytes)
    if (announced > maxBytes) throw this.#tooLarge()
    const room = new BodyRoom(pool, announced)
    const gathered: Gathered = { chunks: [], bytes: 0 }
    const done = new AbortController()
    const late = this.#isLate(gathered, done.signal).then((isLate) => {
      if (isLate) request.destroy()
      return isLate
    })
    try {
      await this.#gather(request, { gathered, room })
      const { chunks, bytes } = gathered
      const [first] = chunks
      const whole = chunks.length === 1 && first ? first : Buffer.concat(chunks, bytes)
      return { bytes: whole, release: () => room.release() }
    } catch (thrown) {
      room.release()
      done.abort()
      if (!(await late)) throw thrown
      const message = `the body came too slowly: ${gathered.bytes} bytes within ${this.#timeMs(gathered)} ms`
      throw new WireError('ValidationException', message, { cause: thrown })
    } finally {
      done.abort()
    }
  }

  async #gather(
    request: HttpRequest,
    into: { readonly gathered: Gathered; readonly room: BodyRoom }
  ): Promise<void> {
    const { gathered, room } = into
    await room.cover(1)
    // Left whole on an early end: the answer still has to go out on its socket.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      gathered.bytes += chunk.length
      if (gathered.bytes > this.#options.maxBytes) throw this.#tooLarge()
      await room.cover(gathered.bytes)
      gathered.chunks.push(chunk)
    }
  }

  /** Resolves with true when the time for what has come is up, with false when `done` aborts. */
  async #isLate(gathered: Gathered, done: AbortSignal): Promise<boolean> {
    const { clock } = this.#options
    const startMs = clock.monoMs()
    for (;;) {
      const leftMs = startMs + this.#timeMs(gathered) - clock.monoMs()
      if (leftMs <= 0) return true
      await clock.sleep(leftMs, done)
      if (done.aborted) return false
    }
  }

  #timeMs({ bytes }: Gathered): number {
    return bodyTimeMs(this.#options.timeoutMs, bytes)
  }

  #tooLarge(): WireError {
    return new WireError(
      'ValidationException',
      `The request is over the limit of ${this.#options.maxBytes} bytes; send fewer records at once.`
    )
  }
}
