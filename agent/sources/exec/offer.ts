import { Backoff } from '../../../shared/backoff.ts'
import type { RecordColumns } from '../../../shared/record.ts'
import type { Appender } from '../../buffer/buffer.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'

/** Where records go in one run of the source. */
export interface Target {
  readonly sink: Appender
  /** Aborts when the run is to end: what is offered after that is committed at once. */
  readonly stopping: AbortSignal
  /** Aborts some time later, when waiting for the buffer is to end too. */
  readonly giveUp: AbortSignal
}

/** Hands over what cannot be read again: what the buffer refuses is offered until it is taken. */
export class Offer {
  readonly #context: SourceContext
  readonly #tally: Tally
  readonly #backoff: Backoff

  constructor(context: SourceContext, tally: Tally) {
    this.#context = context
    this.#tally = tally
    this.#backoff = new Backoff({ firstMs: 500, maxMs: 30_000, random: context.random })
  }

  /** Resolves when the records are durable, or are lost (`lost_record`) because `giveUp` aborted. */
  async take(records: RecordColumns, { sink, stopping, giveUp }: Target): Promise<void> {
    const { stream, clock, log } = this.#context
    while (!giveUp.aborted) {
      try {
        const chunk = { stream, records, volatile: true, urgent: stopping.aborted }
        await sink.append(chunk, giveUp)
        this.#tally.took(records)
        this.#backoff.reset()
        return
      } catch (error) {
        if (giveUp.aborted) break
        this.#tally.problem('append_retry')
        log.warn({ error }, 'append failed; tried again')
        await clock.sleep(this.#backoff.next(), giveUp)
      }
    }
    this.#tally.problem('lost_record', records.lens.length)
    log.error({ records: records.lens.length }, 'the agent stopped before records were stored')
  }
}
