import type { Appender } from '../../buffer/buffer.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { JournalProcess } from './journal-process.ts'
import { JournalRun } from './journal-run.ts'
import { type JournaldOptions, journaldOptions } from './journald-options.ts'

/** Reads the systemd journal, and continues behind the last entry that was kept. */
class JournaldSource implements Source {
  readonly name: string
  readonly #journald: JournaldOptions
  readonly #context: SourceContext
  readonly #tally = new Tally()
  readonly #journal: JournalProcess

  constructor(journald: JournaldOptions, context: SourceContext) {
    this.name = context.name
    this.#journald = journald
    this.#context = context
    this.#journal = new JournalProcess(context, this.#tally)
  }

  stats(): SourceStats {
    return this.#tally.stats()
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const run = new JournalRun({
      journald: this.#journald,
      context: this.#context,
      tally: this.#tally,
      journal: this.#journal,
      sink,
      signal
    })
    await run.run()
  }
}

export const journald: SourceType<JournaldOptions> = {
  key: 'journald',
  summary: 'Reads the systemd journal, and continues behind the last entry that was kept.',
  options: journaldOptions,
  create: (options, context) => new JournaldSource(options, context)
}
