import type { Readable } from 'node:stream'
import { Backoff } from '../../../shared/backoff.ts'
import type { SourceContext } from '../source.ts'
import { Intake } from '../intake.ts'
import type { Tally } from '../tally.ts'

/** Read ahead of whoever takes the pieces. */
const gatherBytes = 256 * 1024

const nothing = Buffer.alloc(0)

export interface FeedOptions {
  readonly context: SourceContext
  readonly tally: Tally
  /** What is opened, for the log. */
  readonly what: string
  readonly open: (signal: AbortSignal) => Promise<Readable>
  /** `idle` is given when nothing came for so long after bytes. Milliseconds. */
  readonly idleMs?: number | undefined
  /** Silence after which it is closed and opened again. Milliseconds. */
  readonly watchdogMs?: number | undefined
}

/** `lost`: what follows does not belong to what came before. */
export type Piece = Buffer | 'idle' | 'lost'

/** The bytes of something that goes away and comes back: a device, a server. */
export class Feed {
  readonly #options: FeedOptions
  readonly #backoff: Backoff
  /** Tells that it is away, and that it is back, once each. */
  #away = false

  constructor(options: FeedOptions) {
    this.#options = options
    this.#backoff = new Backoff({ firstMs: 500, maxMs: 5000, random: options.context.random })
  }

  /**
   * All that comes until `signal` aborts, then what had come by then. Under `once` it ends when the
   * other side does, or when it cannot be opened.
   */
  async *pieces(signal: AbortSignal): AsyncGenerator<Piece> {
    const { context } = this.#options
    while (!signal.aborted) {
      const stream = await this.#open(signal)
      if (stream) {
        try {
          yield* this.#read(stream, signal)
        } finally {
          await closed(stream)
        }
        yield 'lost'
      }
      if (context.once) return
      await context.clock.sleep(this.#backoff.next(), signal)
    }
  }

  async #open(signal: AbortSignal): Promise<Readable | undefined> {
    const { open, tally } = this.#options
    try {
      const stream = await open(signal)
      // Errors after its end concern nobody.
      return stream.on('error', () => {})
    } catch (error) {
      if (signal.aborted) return undefined
      tally.problem('cannot_open')
      this.#isAway(error)
      return undefined
    }
  }

  async *#read(stream: Readable, signal: AbortSignal): AsyncGenerator<Piece> {
    const { context, tally, idleMs, watchdogMs } = this.#options
    const intake = new Intake(stream, gatherBytes)
    let silentMs = 0
    while (!intake.ended && !signal.aborted) {
      const untilMs = idleMs !== undefined && silentMs < idleMs ? idleMs : watchdogMs
      const waitMs = untilMs === undefined ? undefined : untilMs - silentMs
      await intake.readyWithin(waitMs, context.clock, signal)
      const bytes = intake.takeBehind(nothing)
      if (bytes.length > 0) {
        silentMs = 0
        this.#isBack()
        yield bytes
      } else if (!intake.ended && !signal.aborted && untilMs !== undefined) {
        silentMs = untilMs
        if (silentMs === watchdogMs) break
        yield 'idle'
      }
    }
    intake.close()
    const rest = intake.takeBehind(nothing)
    if (rest.length > 0) yield rest
    if (signal.aborted) return
    tally.problem(intake.ended ? 'connection_lost' : 'no_data')
    this.#isAway(intake.failure)
  }

  #isAway(error: unknown): void {
    if (this.#away) return
    this.#away = true
    const { context, what } = this.#options
    context.log.warn({ source: context.name, what, error }, 'nothing comes from it')
  }

  #isBack(): void {
    this.#backoff.reset()
    if (!this.#away) return
    this.#away = false
    const { context, what } = this.#options
    context.log.info({ source: context.name, what }, 'it is back')
  }
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) return resolve()
    stream.once('close', resolve)
    stream.destroy()
  })
}
