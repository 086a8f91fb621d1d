import type { Readable } from 'node:stream'
import type { Clock } from '../../shared/clock.ts'

/**
 * The bytes of a stream as they come, up to a bound; past it the stream is paused, so that whoever
 * writes to it waits.
 */
export class Intake {
  readonly #input: Readable
  readonly #maxBytes: number
  #pieces: Buffer[] = []
  #bytes = 0
  #ended: boolean
  #failure: Error | undefined
  #wake: (() => void) | undefined
  #closed = false

  constructor(input: Readable, maxBytes: number) {
    this.#input = input
    this.#maxBytes = maxBytes
    this.#failure = input.errored ?? undefined
    this.#ended = input.readableEnded || input.destroyed || this.#failure !== undefined
    input.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError)
    input.resume()
  }

  /** Nothing more comes: the stream is at its end, or it failed. */
  get ended(): boolean {
    return this.#ended
  }

  /** What the stream failed with. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Whether the stream ever gave a byte, to whomever. */
  get gaveBytes(): boolean {
    return this.#input.readableDidRead
  }

  /** Resolves when there are bytes, or the end, or when `signal` aborts. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.#bytes > 0 || this.#ended || signal.aborted) return
    await new Promise<void>((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        resolve()
      }
      signal.addEventListener('abort', wake)
      this.#wake = wake
    })
  }

  /** As `ready`, but not later than after `ms` milliseconds, where there is such a limit. */
  async readyWithin(ms: number | undefined, clock: Clock, signal: AbortSignal): Promise<void> {
    if (ms === undefined || signal.aborted) return this.ready(signal)
    const over = new AbortController()
    const stop = () => over.abort()
    signal.addEventListener('abort', stop, { signal: over.signal })
    const timer = clock.sleep(ms, over.signal).then(stop)
    await this.ready(over.signal)
    stop()
    await timer
  }

  /** All that came since the last call, behind `rest`. */
  takeBehind(rest: Buffer): Buffer {
    if (this.#bytes === 0) return rest
    const bytes = Buffer.concat([rest, ...this.#pieces])
    this.#pieces = []
    this.#bytes = 0
    if (!this.#ended && !this.#closed) this.#input.resume()
    return bytes
  }

  /** Takes nothing more from the stream; what came before can still be taken from here. */
  close(): void {
    this.#closed = true
    this.#input.pause()
    this.#input.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError)
  }

  readonly #onData = (piece: Buffer | string) => {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    this.#pieces.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes >= this.#maxBytes) this.#input.pause()
    this.#wake?.()
  }

  readonly #onEnd = () => {
    this.#ended = true
    this.#wake?.()
  }

  readonly #onError = (error: Error) => {
    this.#failure = error
    this.#onEnd()
  }
}
