import type { RecordColumns } from '../../../shared/record.ts'
import { Offer, type Target } from '../offer.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'

/** Brings what programs print to the buffer, and says so when that is not possible any more. */
export class Delivery {
  readonly #context: SourceContext
  readonly #tally: Tally
  readonly #offer: Offer

  constructor(context: SourceContext, tally: Tally) {
    this.#context = context
    this.#tally = tally
    this.#offer = new Offer(context, tally)
  }

  /** Resolves when the records are durable, or are lost (`lost_record`) because the agent stops. */
  async take(records: RecordColumns, target: Target): Promise<void> {
    const { stream, log, name } = this.#context
    if (await this.#offer.take({ stream, records, volatile: true }, target)) return
    const lost = records.lens.length
    this.#tally.problem('lost_record', lost)
    log.error({ source: name, records: lost }, 'the agent stopped before records were stored')
  }
}
