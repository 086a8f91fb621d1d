import type { Attributes } from '../../../shared/record.ts'
import { eachInterval } from '../each-interval.ts'
import type { Target } from '../offer.ts'
import type { Outcome } from './command.ts'
import type { CommandParts } from './command-parts.ts'
import { type Output, wholeOutput } from './whole-output.ts'

/** A program that is run at an interval. Runs never overlap; those that fall due meanwhile are left out. */
export class RepeatedCommand {
  readonly #parts: CommandParts

  constructor(parts: CommandParts) {
    this.#parts = parts
  }

  /** Resolves when it was asked to stop, under `once` after one run. A run that fails is counted. */
  async run(target: Target): Promise<void> {
    const { exec, context, tally } = this.#parts
    const interval = {
      intervalMs: exec.every ?? 0,
      clock: context.clock,
      once: context.once,
      onMissed: (count: number) => tally.problem('missed_run', count)
    }
    await eachInterval(interval, target.stopping, () => this.#runOnce(target))
  }

  async #runOnce(target: Target): Promise<void> {
    const { exec, command, lines, context, tally } = this.#parts
    const timeoutMs = exec.timeout ?? exec.every ?? 0
    const time = context.clock.wallMs()
    let output: Output = { data: Buffer.alloc(0), cut: false }
    try {
      const outcome = await command.run({ ...target, timeoutMs }, async (stdout, enough) => {
        if (exec.lines) await lines.read(stdout, target, enough)
        else output = await wholeOutput(stdout, exec.maxRecord, enough)
      })
      // The output of a run that was cut off by the stop of the agent is no reading.
      if (target.stopping.aborted && outcome.code !== 0) return
      const failure = failureOf(outcome)
      if (failure !== undefined) this.#failed(outcome.timedOut, { exit: failure })
      if (output.cut) tally.problem('cut_record')
      if (output.data.length > 0) await this.#record(output, { time, failure }, target)
      else if (!exec.lines && failure === undefined) tally.problem('empty_output')
    } catch (error) {
      this.#failed(false, { error })
    }
  }

  async #record(
    { data, cut }: Output,
    run: { readonly time: number; readonly failure: string | undefined },
    target: Target
  ): Promise<void> {
    const { delivery, context, complaints } = this.#parts
    const attributes: Attributes = {
      ...(cut ? { truncated: 'true' } : {}),
      ...(run.failure === undefined ? {} : { exit: run.failure }),
      ...(run.failure === undefined || complaints.excerpt === ''
        ? {}
        : { stderr: complaints.excerpt })
    }
    const columns = {
      keys: [context.partitionKey],
      times: Float64Array.of(run.time),
      lens: Uint32Array.of(data.length),
      data
    }
    const marked = Object.keys(attributes).length > 0
    await delivery.take(marked ? { ...columns, attributes: [attributes] } : columns, target)
  }

  #failed(timedOut: boolean, fields: object): void {
    const { tally, complaints, context } = this.#parts
    tally.problem(timedOut ? 'timed_out' : 'failed_run')
    if (!complaints.mayLog()) return
    context.log.warn({ ...fields, stderr: complaints.excerpt }, 'a run of the program failed')
  }
}

/** The exit code, the signal, or `timeout`; undefined for a run that went well. */
function failureOf({ code, signal, timedOut }: Outcome): string | undefined {
  if (timedOut) return 'timeout'
  if (code === 0) return undefined
  return signal ?? String(code)
}
