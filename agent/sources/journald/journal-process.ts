import { HeadwaterError } from '../../../shared/errors.ts'
import { type Child, describeExit, startChild } from '../process/child.ts'
import { Complaints } from '../process/complaints.ts'
import { harmlessPart } from '../process/environment.ts'
import type { SourceContext } from '../source.ts'
import { Intake } from '../intake.ts'
import type { Tally } from '../tally.ts'

/** Read ahead while appends are under way; beyond it journalctl waits. */
const gatherBytes = 256 * 1024

/** It has nothing to save, so it ends at once when it is asked to. */
const graceMs = 1000

/** Starts journalctl, and reads what it prints. */
export class JournalProcess {
  readonly #context: SourceContext
  readonly #complaints: Complaints

  constructor(context: SourceContext, tally: Tally) {
    this.#context = context
    this.#complaints = new Complaints(context, tally)
  }

  /**
   * Gives all that is printed to `take`, which answers with what it did not use: that comes again
   * with more behind it. Resolves when journalctl ends well, or `signal` aborts; rejects with
   * `config` when it is not there and with `unavailable` when it fails.
   */
  async read(
    argv: readonly string[],
    take: (bytes: Buffer) => Promise<Buffer>,
    signal: AbortSignal
  ): Promise<void> {
    const child = await this.#start(argv)
    const intake = new Intake(child.stdout, gatherBytes)
    let rest: Buffer = Buffer.alloc(0)
    try {
      for (let ended = false; !ended && !signal.aborted; ) {
        await intake.ready(signal)
        ended = intake.ended
        rest = await take(intake.takeBehind(rest))
      }
      if (!signal.aborted) await this.#requireSuccess(child)
    } finally {
      intake.close()
      await child.end(graceMs)
      child.close()
    }
  }

  #start(argv: readonly string[]): Promise<Child> {
    this.#complaints.begin()
    return startChild({
      argv,
      env: harmlessPart(this.#context.environment),
      clock: this.#context.clock,
      onStderr: this.#complaints.take,
      whenMissing: 'it comes with systemd; where there is none, take this source out'
    })
  }

  async #requireSuccess(child: Child): Promise<void> {
    const exit = await child.exited
    if (exit.code === 0) return
    const { excerpt } = this.#complaints
    const advice = /permission/i.test(excerpt)
      ? '; add the user of the agent to the group systemd-journal'
      : ''
    throw new HeadwaterError(
      'unavailable',
      `journalctl ${describeExit(exit)}: ${excerpt || 'it said nothing'}${advice}`
    )
  }
}
