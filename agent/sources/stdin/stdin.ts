import { z } from 'zod'
import { Backoff } from '../../../shared/backoff.ts'
import { byteSize } from '../../../shared/config/fields.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { recordLimits } from '../../../shared/record.ts'
import type { Appender, Chunk } from '../../buffer/buffer.ts'
import { cutColumns } from '../lines/cut-columns.ts'
import { type CutEnd, LineCutter } from '../lines/line-cutter.ts'
import { multilineOption } from '../lines/multiline-option.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { WindDown } from '../wind-down.ts'
import { Intake } from '../intake.ts'

/** What is read ahead while an append is under way; beyond it the writer of the pipe waits. */
const gatherBytes = 1024 * 1024

/** How long the last lines may take to become durable when the agent stops. */
const graceMs = 5000

const stdinOptions = z.strictObject({
  stdin: z.literal(true).describe('Read lines from standard input until it ends.'),
  multiline: multilineOption,
  maxLine: byteSize({ min: 64, max: recordLimits.recordBytes - 64 * 1024 })
    .prefault('960 KiB')
    .describe('A longer line is cut to this and marked with the attribute `truncated`.')
})

type StdinOptions = z.output<typeof stdinOptions>

/**
 * Lines that cannot be read again: what was read is kept until the buffer has it. One chunk is under
 * way at a time and is offered until it is taken, so no failure changes the order.
 */
class StdinSource implements Source {
  readonly name: string
  readonly #context: SourceContext
  readonly #cutter: LineCutter
  readonly #tally = new Tally()
  readonly #backoff: Backoff
  /** After which silence a record of several lines is complete; absent: records are lines. */
  readonly #quietMs: number | undefined
  /** Read and not cut yet, and cut and not durable yet. Both outlive a run. */
  #rest: Buffer = Buffer.alloc(0)
  #chunk: Chunk | undefined
  #skipping = false

  constructor(options: StdinOptions, context: SourceContext) {
    this.name = context.name
    this.#context = context
    const { maxLine, multiline } = options
    this.#cutter = new LineCutter({ maxLineBytes: maxLine, ...(multiline ? { multiline } : {}) })
    this.#quietMs = multiline?.maxWait
    this.#backoff = new Backoff({ firstMs: 500, maxMs: 30_000, random: context.random })
  }

  stats(): SourceStats {
    const behindBytes = this.#rest.length + (this.#chunk?.records.data.length ?? 0)
    return { ...this.#tally.stats(), behindBytes }
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    if (!this.#context.stdin) {
      throw new HeadwaterError('config', `source ${this.name}: there is no standard input here`)
    }
    const intake = new Intake(this.#context.stdin(), gatherBytes)
    const windDown = new WindDown({ context: this.#context, sink, signal, graceMs })
    try {
      let end: CutEnd = 'more'
      while (!signal.aborted && !intake.ended) {
        await this.#appendAll(sink, end, windDown.signal)
        end = await this.#takeMore(intake, signal)
      }
      // What was read when the agent stops has no other place than the buffer.
      intake.close()
      this.#rest = intake.takeBehind(this.#rest)
      await this.#appendAll(sink, 'end', windDown.signal)
    } finally {
      intake.close()
      this.#rest = intake.takeBehind(this.#rest)
      windDown.close()
    }
    const { behindBytes = 0 } = this.stats()
    if (behindBytes > 0) {
      throw new HeadwaterError(
        'store_full',
        `source ${this.name}: ${behindBytes} bytes read from standard input could not be stored`
      )
    }
    if (!signal.aborted) this.#requireInput(intake)
  }

  /** Waits for more, for as long as lines that were read may still be continued. */
  async #takeMore(intake: Intake, signal: AbortSignal): Promise<CutEnd> {
    const before = this.#rest
    if (this.#quietMs === undefined || before.length === 0) {
      await intake.ready(signal)
    } else {
      const over = new AbortController()
      const stop = () => over.abort()
      signal.addEventListener('abort', stop, { signal: over.signal })
      void this.#context.clock.sleep(this.#quietMs, over.signal).then(stop)
      await intake.ready(over.signal)
      stop()
    }
    this.#rest = intake.takeBehind(before)
    return this.#quietMs !== undefined && this.#rest === before ? 'idle' : 'more'
  }

  /** Throws `no_input` when the stream failed, or had nothing while an agent that stays expects it. */
  #requireInput({ failure, gaveBytes }: Intake): void {
    const what = `source ${this.name}: standard input`
    if (failure) {
      const message = `${what} cannot be read: ${failure.message}`
      throw new HeadwaterError('no_input', message, { cause: failure })
    }
    if (gaveBytes || this.#context.once) return
    throw new HeadwaterError(
      'no_input',
      `${what} is closed or empty; pipe lines into the agent, or give --once if nothing may come`
    )
  }

  /** Appends all records that are complete under `end`; returns early when `signal` aborts. */
  async #appendAll(sink: Appender, end: CutEnd, signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#chunk ??= this.#nextChunk(end)
      if (!this.#chunk || !(await this.#append(sink, this.#chunk, signal))) return
      this.#tally.took(this.#chunk.records)
      this.#chunk = undefined
    }
  }

  #nextChunk(end: CutEnd): Chunk | undefined {
    for (;;) {
      const cut = this.#cutter.cut(this.#rest, this.#skipping, end)
      if (cut.consumed === 0) return undefined
      const { partitionKey, stream, clock } = this.#context
      const records = cutColumns(this.#rest, cut, { partitionKey, time: clock.wallMs() })
      this.#rest = this.#rest.subarray(cut.consumed)
      this.#skipping = cut.skipping
      this.#tally.problem('empty_line', cut.emptyLines)
      this.#tally.problem('cut_line', cut.truncated.length)
      if (cut.count > 0) return { stream, records, urgent: end === 'end' }
    }
  }

  async #append(sink: Appender, chunk: Chunk, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      try {
        await sink.append(chunk, signal)
        this.#backoff.reset()
        return true
      } catch (error) {
        if (signal.aborted) return false
        this.#tally.problem('append_retry')
        this.#context.log.warn({ source: this.name, error }, 'append failed; tried again')
        await this.#context.clock.sleep(this.#backoff.next(), signal)
      }
    }
    return false
  }
}

export const stdin: SourceType<StdinOptions> = {
  key: 'stdin',
  summary: 'Reads lines from standard input until it ends.',
  options: stdinOptions,
  create: (options, context) => new StdinSource(options, context)
}
