import { setMaxListeners } from 'node:events'
import type { Appender } from '../buffer/buffer.ts'
import { noRecords } from './lines/cut-columns.ts'
import type { SourceContext } from './source.ts'

interface WindDownOptions {
  readonly context: SourceContext
  readonly sink: Appender
  /** Ends the run. */
  readonly signal: AbortSignal
  /** How long appends may still take when the run ends. Milliseconds. */
  readonly graceMs: number
}

/**
 * Lets the appends of a run outlive its signal for a while: when the run is to end, the buffer is
 * asked to commit what it has, and only what is not durable by then is given up. So the next run
 * begins from cursors that do not move any more.
 */
export class WindDown {
  readonly #options: WindDownOptions
  readonly #giveUp = new AbortController()
  readonly #over = new AbortController()
  #begun = false

  constructor(options: WindDownOptions) {
    this.#options = options
    // One listener for each append under way; the default is a warning at eleven.
    setMaxListeners(0, this.#giveUp.signal)
    const begin = () => this.begin()
    options.signal.addEventListener('abort', begin, { signal: this.#over.signal })
    if (options.signal.aborted) begin()
  }

  /** For the appends of the run. */
  get signal(): AbortSignal {
    return this.#giveUp.signal
  }

  /** The run ends, for whatever reason. */
  begin(): void {
    if (this.#begun) return
    this.#begun = true
    const { context, sink, graceMs } = this.#options
    const hurry = { stream: context.stream, records: noRecords(context.partitionKey), urgent: true }
    sink.append(hurry, this.#giveUp.signal).catch(() => {
      // The appends that were to be hurried report their own failures.
    })
    void context.clock.sleep(graceMs, this.#over.signal).then(() => this.#giveUp.abort())
  }

  /** All appends are settled. */
  close(): void {
    this.#over.abort()
  }
}
