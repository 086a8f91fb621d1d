import { HeadwaterError } from '../../shared/errors.ts'
import type { RecordColumns } from '../../shared/record.ts'
import type { Appender, Chunk } from '../buffer/buffer.ts'
import type { Chain } from './chain.ts'

/**
 * The buffer as a source with transforms sees it. Every chunk goes on, without records too, for its
 * cursors are to be committed.
 */
export class TransformingAppender implements Appender {
  readonly #sink: Appender
  readonly #chain: Chain
  /** What came of records that were refused, in case the same are offered again. */
  readonly #refused = new WeakMap<RecordColumns, RecordColumns>()
  /** How often an append has failed. */
  #failures = 0

  constructor(sink: Appender, chain: Chain) {
    this.#sink = sink
    this.#chain = chain
  }

  /** See `Appender.append`. Rejects with `unavailable` when a chunk before this one was refused. */
  async append(chunk: Chunk, signal?: AbortSignal): Promise<void> {
    const volatile = chunk.volatile === true
    const records = this.#refused.get(chunk.records) ?? this.#chain.apply(chunk.records, volatile)
    const failures = this.#failures
    try {
      const times = this.#chain.timesAfter(chunk.times)
      await this.#sink.append({ ...chunk, records, times }, signal)
    } catch (error) {
      this.#refused.set(chunk.records, records)
      this.#failures += 1
      this.#chain.forget()
      throw error
    }
    // A record may have been dropped for being like one that is not durable now.
    const dropped = chunk.records.lens.length - records.lens.length
    if (dropped > 0 && this.#chain.remembers && this.#failures !== failures) {
      throw new HeadwaterError('unavailable', 'a chunk before this one could not be stored')
    }
  }

  cursors(prefix: string): ReadonlyMap<string, Buffer> {
    return this.#sink.cursors(prefix)
  }
}
