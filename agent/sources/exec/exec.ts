import { HeadwaterError } from '../../../shared/errors.ts'
import type { Appender } from '../../buffer/buffer.ts'
import type { Target } from '../offer.ts'
import { Complaints } from '../process/complaints.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { WindDown } from '../wind-down.ts'
import { Command } from './command.ts'
import { Delivery } from './delivery.ts'
import { type ExecOptions, execOptions } from './exec-options.ts'
import { KeptCommand } from './kept-command.ts'
import { LineOutput } from './line-output.ts'
import { RepeatedCommand } from './repeated-command.ts'

/** How long the last records may take to become durable when the agent stops. */
const graceMs = 5000

/** Records what a program prints: one that is run at an interval, or one that is kept running. */
class ExecSource implements Source {
  readonly name: string
  readonly #context: SourceContext
  readonly #tally = new Tally()
  readonly #runner: KeptCommand | RepeatedCommand

  constructor(exec: ExecOptions, context: SourceContext) {
    this.name = context.name
    this.#context = context
    const tally = this.#tally
    const complaints = new Complaints(context, tally)
    const delivery = new Delivery(context, tally)
    const { maxRecord: maxRecordBytes, multiline } = exec
    const lines = new LineOutput({ context, tally, delivery, maxRecordBytes, multiline })
    const command = new Command({ exec, context, complaints })
    const parts = { exec, context, tally, complaints, delivery, lines, command }
    this.#runner = exec.keep ? new KeptCommand(parts) : new RepeatedCommand(parts)
  }

  stats(): SourceStats {
    return this.#tally.stats()
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const windDown = new WindDown({ context: this.#context, sink, signal, graceMs })
    const target: Target = { sink, stopping: signal, giveUp: windDown.signal }
    try {
      await this.#runner.run(target)
    } finally {
      windDown.close()
    }
  }
}

/** There is exactly one of `every` and `keep`, and lines where they are put together. */
function requireOneWay({ every, keep, lines, timeout, multiline }: ExecOptions): void {
  if ((every === undefined) !== keep) {
    throw new HeadwaterError(
      'config',
      'write either "every:" with an interval, or "keep: true" to keep it running'
    )
  }
  if (keep && (lines || timeout !== undefined)) {
    throw new HeadwaterError(
      'config',
      '"lines" and "timeout" belong to "every"; with "keep" each line is a record, and there is no time limit'
    )
  }
  if (multiline && !keep && !lines) {
    throw new HeadwaterError(
      'config',
      '"multiline" puts lines together, and all that a run prints is one record already; add "lines: true", or leave it out'
    )
  }
}

export const exec: SourceType<ExecOptions> = {
  key: 'exec',
  summary: 'Records what a program prints, run at an interval or kept running.',
  options: execOptions,
  check: requireOneWay,
  create: (options, context) => new ExecSource(options, context)
}
