import type { Clock } from '../../../../../shared/clock.ts'
import type { HttpRequest } from './http-exchange.ts'

export interface BodyWatchOptions {
  /** From the end of the headers to the end of a body that brings nothing. Milliseconds. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** A body of which more is to come. */
export interface ComingBody {
  readonly request: HttpRequest
  readonly startMs: number
  readonly chunks: Buffer[]
  bytes: number
  /** Set when its time was up before it was there; the request is then destroyed. */
  isLate: boolean
}

/** What comes gives a body more time: it may be this slow, and no slower. */
const leastBytesPerMs = (256 * 1024) / 1000
const mostLookMs = 1000

/** How long a body of `bytes` may take to come. Milliseconds. */
export function bodyTimeMs(timeoutMs: number, bytes: number): number {
  return timeoutMs + Math.floor(bytes / leastBytesPerMs)
}

/**
 * Ends bodies that come too slowly. It looks at all of them every second: a timer for each would
 * cost more than to read it.
 */
export class BodyWatch {
  readonly #options: BodyWatchOptions
  readonly #coming = new Set<ComingBody>()
  readonly #stopped = new AbortController()
  #isLooking = false

  constructor(options: BodyWatchOptions) {
    this.#options = options
  }

  begin(request: HttpRequest): ComingBody {
    const startMs = this.#options.clock.monoMs()
    const body = { request, startMs, chunks: [], bytes: 0, isLate: false }
    this.#coming.add(body)
    if (!this.#isLooking) void this.#look()
    return body
  }

  end(body: ComingBody): void {
    this.#coming.delete(body)
  }

  /** Who listens ends what is under way; nothing is watched any more. */
  stop(): void {
    this.#stopped.abort()
  }

  async #look(): Promise<void> {
    const { clock, timeoutMs } = this.#options
    const { signal } = this.#stopped
    this.#isLooking = true
    while (this.#coming.size > 0 && !signal.aborted) {
      await clock.sleep(Math.min(mostLookMs, timeoutMs), signal)
      for (const body of this.#coming) {
        if (clock.monoMs() - body.startMs < bodyTimeMs(timeoutMs, body.bytes)) continue
        body.isLate = true
        body.request.destroy()
        this.#coming.delete(body)
      }
    }
    this.#isLooking = false
  }
}
