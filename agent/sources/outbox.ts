import { Backoff } from '../../shared/backoff.ts'
import type { RecordColumns } from '../../shared/record.ts'
import type { Appender, Chunk, TimeOrigin } from '../buffer/buffer.ts'
import { noRecords } from './lines/cut-columns.ts'
import type { SourceContext } from './source.ts'
import type { Tally } from './tally.ts'
import { WindDown } from './wind-down.ts'

/** What may wait for the buffer; beyond it what comes is left out and counted (`overrun`). */
const bounds = { bytes: 4 * 1024 * 1024, count: 4096 }

/** How long readings may still take to become durable when a run ends. */
const graceMs = 2000

interface Target {
  readonly sink: Appender
  readonly signal: AbortSignal
  readonly windDown: WindDown
}

/**
 * Readings on their way to the buffer, which cannot be read again. Each is handed over as it comes.
 * When the buffer refuses some, nothing is handed over until all of them have been, in their order.
 * What is not durable when a run ends is handed over by the next.
 */
export class Outbox {
  readonly #context: SourceContext
  readonly #tally: Tally
  readonly #backoff: Backoff
  /** Not durable yet, in the order of their coming. */
  readonly #chunks = new Set<Chunk>()
  readonly #attempts = new Set<Promise<void>>()
  #bytes = 0
  #resuming: Promise<void> | undefined
  #target: Target | undefined

  constructor(context: SourceContext, tally: Tally) {
    this.#context = context
    this.#tally = tally
    this.#backoff = new Backoff({ firstMs: 500, maxMs: 30_000, random: context.random })
  }

  /** Bytes that are not durable yet. */
  get bytes(): number {
    return this.#bytes
  }

  /** A run begins. */
  begin(sink: Appender, signal: AbortSignal): void {
    const windDown = new WindDown({ context: this.#context, sink, signal, graceMs })
    this.#target = { sink, signal, windDown }
    this.#offerAll(this.#target)
  }

  add(records: RecordColumns, times: TimeOrigin = 'clock'): void {
    if (this.#bytes >= bounds.bytes || this.#chunks.size >= bounds.count) {
      this.#tally.problem('overrun', records.lens.length)
      return
    }
    const chunk = { stream: this.#context.stream, records, times, volatile: true }
    this.#chunks.add(chunk)
    this.#bytes += records.data.length
    if (this.#target && !this.#resuming) this.#offer(chunk, this.#target)
  }

  /** The run ends: resolves when all is durable, or given up because the run's signal aborted. */
  async end(): Promise<void> {
    const target = this.#target
    if (!target) return
    if (this.#chunks.size > 0) this.#hurry(target)
    do {
      await Promise.all(this.#attempts)
      await this.#resuming
    } while (this.#attempts.size > 0)
    target.windDown.close()
    this.#target = undefined
  }

  /** Nobody is to wait for the commit age of the last readings. */
  #hurry(target: Target): void {
    const { stream, partitionKey } = this.#context
    this.#offer({ stream, records: noRecords(partitionKey), urgent: true }, target)
  }

  #offerAll(target: Target): void {
    for (const chunk of this.#chunks) this.#offer(chunk, target)
  }

  #offer(chunk: Chunk, target: Target): void {
    const attempt = this.#attempt(chunk, target).finally(() => this.#attempts.delete(attempt))
    this.#attempts.add(attempt)
  }

  async #attempt(chunk: Chunk, target: Target): Promise<void> {
    try {
      await target.sink.append(chunk, target.windDown.signal)
      this.#chunks.delete(chunk)
      this.#bytes -= chunk.records.data.length
      this.#tally.took(chunk.records)
      this.#backoff.reset()
    } catch (error) {
      this.#resuming ??= this.#resume(target, error)
    }
  }

  async #resume(target: Target, error: unknown): Promise<void> {
    const { clock, log, name } = this.#context
    if (!target.windDown.signal.aborted) {
      this.#tally.problem('append_retry')
      log.warn({ source: name, error }, 'append failed; tried again')
    }
    // In order again: nothing is offered before all that was has been answered.
    await Promise.all(this.#attempts)
    const isLast = target.signal.aborted
    await clock.sleep(this.#backoff.next(), target.signal)
    this.#resuming = undefined
    if (!isLast) this.#offerAll(target)
  }
}
