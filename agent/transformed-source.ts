import type { Clock } from '../shared/clock.ts'
import { ColumnsBuilder } from '../shared/columns-builder.ts'
import type { Log } from '../shared/log.ts'
import type { Appender } from './buffer/buffer.ts'
import type { Source, SourceStats } from './sources/source.ts'
import type { Chain } from './transforms/chain.ts'
import { TransformingAppender } from './transforms/transforming-appender.ts'

/** How long what the transforms hold may take to become durable when the source stops. */
const graceMs = 5000

interface TransformedSourceOptions {
  readonly source: Source
  readonly chain: Chain
  readonly stream: string
  readonly partitionKey: string
  readonly clock: Clock
  readonly log: Log
}

/** A source whose records go through transforms; they outlive its runs, as it does itself. */
export class TransformedSource implements Source {
  readonly #options: TransformedSourceOptions

  constructor(options: TransformedSourceOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.source.name
  }

  stats(): SourceStats {
    return this.#options.source.stats()
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    const { source, chain } = this.#options
    try {
      await source.run(new TransformingAppender(sink, chain), signal)
    } finally {
      await this.#flush(sink)
    }
  }

  /** Only readings that cannot be read again are held, so no cursor depends on this. */
  async #flush(sink: Appender): Promise<void> {
    const { chain, stream, partitionKey, clock, log } = this.#options
    const none = new ColumnsBuilder({ partitionKey, time: 0 }).build()
    const records = chain.flush(none)
    if (records.lens.length === 0) return
    const giveUp = new AbortController()
    const done = new AbortController()
    void clock.sleep(graceMs, done.signal).then(() => giveUp.abort())
    try {
      const chunk = { stream, records, times: chain.timesAfter(), volatile: true, urgent: true }
      await sink.append(chunk, giveUp.signal)
    } catch (error) {
      const { length } = records.lens
      log.error({ error, records: length }, 'what the transforms held could not be stored')
    } finally {
      done.abort()
    }
  }
}
