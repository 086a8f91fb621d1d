import type { Readable } from 'node:stream'
import { Intake } from '../intake.ts'
import { ArrivingLines } from '../lines/arriving-lines.ts'
import type { MultilineOption } from '../lines/multiline-option.ts'
import { readLines } from '../lines/read-lines.ts'
import type { Target } from '../offer.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'
import type { Delivery } from './delivery.ts'

/** Read ahead while an append is under way; beyond it the program waits. */
const gatherBytes = 256 * 1024

interface LineOutputOptions {
  readonly context: SourceContext
  readonly tally: Tally
  readonly delivery: Delivery
  readonly maxRecordBytes: number
  readonly multiline: MultilineOption
}

/** Makes records of the lines that a program prints, while it runs. */
export class LineOutput {
  readonly #options: LineOutputOptions

  constructor(options: LineOutputOptions) {
    this.#options = options
  }

  /**
   * Reads to the end of `output`, or, when `enough` aborts, what has come by then. Resolves when all
   * lines are durable or given up.
   */
  async read(output: Readable, target: Target, enough: AbortSignal): Promise<void> {
    const { context, tally, delivery, maxRecordBytes, multiline } = this.#options
    const { clock, partitionKey } = context
    const intake = new Intake(output, gatherBytes)
    const rules = { maxLineBytes: maxRecordBytes, multiline }
    const lines = new ArrivingLines({ rules, partitionKey, clock, tally, cutReason: 'cut_record' })
    try {
      const reading = { intake, lines, clock, maxWaitMs: multiline?.maxWait }
      for await (const records of readLines(reading, enough)) await delivery.take(records, target)
    } finally {
      intake.close()
    }
  }
}
