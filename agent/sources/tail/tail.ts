import type { Appender } from '../../buffer/buffer.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { type TailOptions, tailOptions } from './tail-options.ts'
import { TailRun } from './tail-run.ts'

/** Follows files through rotation, truncation, restarts and power cuts. */
class TailSource implements Source {
  readonly name: string
  readonly #tail: TailOptions
  readonly #context: SourceContext
  readonly #tally = new Tally()
  #current: TailRun | undefined

  constructor(tail: TailOptions, context: SourceContext) {
    this.name = context.name
    this.#tail = tail
    this.#context = context
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    this.#current = new TailRun({
      tail: this.#tail,
      context: this.#context,
      tally: this.#tally,
      sink,
      signal
    })
    await this.#current.run()
  }

  stats(): SourceStats {
    return { ...this.#tally.stats(), behindBytes: this.#current?.behindBytes ?? 0 }
  }
}

export const tail: SourceType<TailOptions> = {
  key: 'tail',
  summary: 'Follows files line by line, through every kind of rotation.',
  options: tailOptions,
  create: (options, context) => new TailSource(options, context)
}
