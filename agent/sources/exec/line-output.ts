import type { Readable } from 'node:stream'
import { cutColumns } from '../lines/cut-columns.ts'
import { LineCutter } from '../lines/line-cutter.ts'
import type { SourceContext } from '../source.ts'
import { Intake } from '../intake.ts'
import type { Tally } from '../tally.ts'
import type { Offer, Target } from './offer.ts'

/** Read ahead while an append is under way; beyond it the program waits. */
const gatherBytes = 256 * 1024

interface LineOutputOptions {
  readonly context: SourceContext
  readonly tally: Tally
  readonly offer: Offer
  readonly maxRecordBytes: number
}

/** Makes a record of each line that a program prints, while it runs. */
export class LineOutput {
  readonly #options: LineOutputOptions
  readonly #cutter: LineCutter

  constructor(options: LineOutputOptions) {
    this.#options = options
    this.#cutter = new LineCutter({ maxLineBytes: options.maxRecordBytes })
  }

  /**
   * Reads to the end of `output`, or, when `enough` aborts, what has come by then. Resolves when all
   * lines are durable or given up.
   */
  async read(output: Readable, target: Target, enough: AbortSignal): Promise<void> {
    const intake = new Intake(output, gatherBytes)
    let rest: Buffer = Buffer.alloc(0)
    let skipping = false
    try {
      for (let ended = false; !ended; ) {
        await intake.ready(enough)
        ended = intake.ended || enough.aborted
        rest = intake.takeBehind(rest)
        ;({ rest, skipping } = await this.#cut(rest, { skipping, ended }, target))
      }
    } finally {
      intake.close()
    }
  }

  async #cut(
    bytes: Buffer,
    state: { readonly skipping: boolean; readonly ended: boolean },
    target: Target
  ): Promise<{ rest: Buffer; skipping: boolean }> {
    const { context, tally, offer } = this.#options
    const { partitionKey, clock } = context
    let { skipping } = state
    let rest = bytes
    for (;;) {
      const cut = this.#cutter.cut(rest, skipping, state.ended ? 'end' : 'more')
      if (cut.consumed === 0) return { rest, skipping }
      const records = cutColumns(rest, cut, { partitionKey, time: clock.wallMs() })
      rest = rest.subarray(cut.consumed)
      skipping = cut.skipping
      tally.problem('empty_line', cut.emptyLines)
      tally.problem('cut_record', cut.truncated.length)
      if (cut.count > 0) await offer.take(records, target)
    }
  }
}
