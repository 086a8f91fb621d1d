import { z } from 'zod'
import { byteSize } from '../../../shared/config/fields.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { type RecordColumns, recordLimits } from '../../../shared/record.ts'
import type { Appender } from '../../buffer/buffer.ts'
import { Intake } from '../intake.ts'
import { ArrivingLines } from '../lines/arriving-lines.ts'
import { multilineOption } from '../lines/multiline-option.ts'
import { readLines } from '../lines/read-lines.ts'
import { Offer, type Target } from '../offer.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { WindDown } from '../wind-down.ts'

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
  readonly #maxWaitMs: number | undefined
  readonly #tally = new Tally()
  readonly #offer: Offer
  /** Read and not cut yet, and cut and not durable yet. Both outlive a run. */
  readonly #lines: ArrivingLines
  #unstored: RecordColumns | undefined

  constructor({ maxLine, multiline }: StdinOptions, context: SourceContext) {
    const { name, partitionKey, clock } = context
    this.name = name
    this.#context = context
    this.#maxWaitMs = multiline?.maxWait
    this.#offer = new Offer(context, this.#tally)
    const rules = { maxLineBytes: maxLine, multiline }
    this.#lines = new ArrivingLines({ rules, partitionKey, clock, tally: this.#tally })
  }

  stats(): SourceStats {
    const behindBytes = this.#lines.bytes + (this.#unstored?.data.length ?? 0)
    return { ...this.#tally.stats(), behindBytes }
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    if (!this.#context.stdin) {
      throw new HeadwaterError('config', `source ${this.name}: there is no standard input here`)
    }
    const intake = new Intake(this.#context.stdin(), gatherBytes)
    const windDown = new WindDown({ context: this.#context, sink, signal, graceMs })
    try {
      await this.#read(intake, { sink, stopping: signal, giveUp: windDown.signal })
    } finally {
      intake.close()
      this.#lines.addFrom(intake)
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

  /** Resolves when all is durable, or early when it is given up. */
  async #read(intake: Intake, target: Target): Promise<void> {
    if (!(await this.#store(intake, target))) return
    const reading = {
      intake,
      lines: this.#lines,
      clock: this.#context.clock,
      maxWaitMs: this.#maxWaitMs
    }
    for await (const records of readLines(reading, target.stopping)) {
      this.#unstored = records
      if (!(await this.#store(intake, target))) return
    }
  }

  async #store({ ended: urgent }: Intake, target: Target): Promise<boolean> {
    const { stream } = this.#context
    const records = this.#unstored
    if (records && !(await this.#offer.take({ stream, records, urgent }, target))) return false
    this.#unstored = undefined
    return true
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
}

export const stdin: SourceType<StdinOptions> = {
  key: 'stdin',
  summary: 'Reads lines from standard input until it ends.',
  options: stdinOptions,
  create: (options, context) => new StdinSource(options, context)
}
