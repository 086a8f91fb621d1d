import { Backoff } from '../../shared/backoff.ts'
import type { Appender, Chunk } from '../buffer/buffer.ts'
import type { SourceContext } from './source.ts'
import type { Tally } from './tally.ts'

/** Where records go in one run of a source. */
export interface Target {
  readonly sink: Appender
  /** Aborts when the run is to end: what is offered after that is committed at once. */
  readonly stopping: AbortSignal
  /** Aborts some time later, when waiting for the buffer is to end too. */
  readonly giveUp: AbortSignal
}

/**
 * Hands over what cannot be read again, of a source that lets its peer wait meanwhile: what the
 * buffer refuses is offered until it is taken. One chunk at a time, so no failure changes the order.
 */
export class Offer {
  readonly #context: SourceContext
  readonly #tally: Tally
  readonly #backoff: Backoff

  constructor(context: SourceContext, tally: Tally) {
    this.#context = context
    this.#tally = tally
    this.#backoff = new Backoff({ firstMs: 500, maxMs: 30_000, random: context.random })
  }

  /** Resolves with true when the records are durable, with false when `giveUp` aborted before. */
  async take(chunk: Chunk, { sink, stopping, giveUp }: Target): Promise<boolean> {
    const { clock, log, name } = this.#context
    while (!giveUp.aborted) {
      try {
        await sink.append(stopping.aborted ? { ...chunk, urgent: true } : chunk, giveUp)
        this.#tally.took(chunk.records)
        this.#backoff.reset()
        return true
      } catch (error) {
        if (giveUp.aborted) return false
        this.#tally.problem('append_retry')
        log.warn({ source: name, error }, 'append failed; tried again')
        await clock.sleep(this.#backoff.next(), giveUp)
      }
    }
    return false
  }
}
