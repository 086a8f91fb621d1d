import { HeadwaterError } from '../../../shared/errors.ts'
import { describeExit } from '../process/child.ts'
import type { Target } from '../offer.ts'
import type { CommandParts } from './command-parts.ts'

/** A program that is to stay; whoever runs this runs it again, after a wait. */
export class KeptCommand {
  readonly #parts: CommandParts

  constructor(parts: CommandParts) {
    this.#parts = parts
  }

  /**
   * Resolves when it was asked to stop. Rejects with `unavailable` when the program ends by itself,
   * with `config` when it cannot be started. Under `once` one end is enough.
   */
  async run(target: Target): Promise<void> {
    const { command, context, complaints, lines, tally } = this.#parts
    const outcome = await command.run(target, (output, enough) =>
      lines.read(output, target, enough)
    )
    if (target.stopping.aborted) return
    tally.problem('ended_program')
    if (context.once && outcome.code === 0) return
    const why = complaints.excerpt === '' ? '' : `: ${complaints.excerpt}`
    const message = `the program of source ${context.name} ${describeExit(outcome)}${why}`
    if (!context.once) throw new HeadwaterError('unavailable', message)
    context.log.error({ ...outcome, stderr: complaints.excerpt }, 'the program failed')
  }
}
