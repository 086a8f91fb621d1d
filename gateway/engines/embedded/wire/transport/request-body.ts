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

/** Why nobody waits any more; to make the default reason costs more than the wait. */
const over = new Error('the body is there, or will not come')

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
    const gathered: Gathered = { chunks: first ? [first] : [], bytes: first?.length ?? 0 }
    const done = new AbortController()
    const late = this.#isLate(gathered, done.signal).then((isLate) => {
      if (isLate) request.destroy()
      return isLate
    })
    try {
      // Left whole on an early end: the answer still has to go out on its socket.
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        gathered.bytes += chunk.length
        await this.#admit(gathered.bytes, room)
        gathered.chunks.push(chunk)
      }
      return Buffer.concat(gathered.chunks, gathered.bytes)
    } catch (thrown) {
      done.abort(over)
      if (!(await late)) throw thrown
      const message = `the body came too slowly: ${gathered.bytes} bytes within ${this.#timeMs(gathered)} ms`
      throw new WireError('ValidationException', message, { cause: thrown })
    } finally {
      done.abort(over)
    }
  }

  async #admit(bytes: number, room: BodyRoom): Promise<void> {
    if (bytes > this.#options.maxBytes) throw this.#tooLarge()
    await room.cover(bytes)
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
