import type { Clock } from '../../../shared/clock.ts'
import type { RecordColumns } from '../../../shared/record.ts'
import type { Intake } from '../intake.ts'
import type { Tally } from '../tally.ts'
import { cutColumns } from './cut-columns.ts'
import { type CutEnd, LineCutter, type LineRules } from './line-cutter.ts'

interface ArrivingLinesOptions {
  readonly rules: LineRules
  readonly partitionKey: string
  readonly clock: Clock
  readonly tally: Tally
  /** What a record is counted as that holds only the beginning of its line. */
  readonly cutReason?: string
}

/** Lines that come piece by piece from one peer; each record has the time when it was complete. */
export class ArrivingLines {
  readonly #options: ArrivingLinesOptions
  readonly #cutter: LineCutter
  #rest: Buffer = Buffer.alloc(0)
  #skipping = false

  constructor(options: ArrivingLinesOptions) {
    this.#options = options
    this.#cutter = new LineCutter(options.rules)
  }

  /** Bytes that came and are not in a record yet. */
  get bytes(): number {
    return this.#rest.length
  }

  add(piece: Buffer): void {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
  }

  /** Takes all that came; returns whether there was any. */
  addFrom(intake: Intake): boolean {
    const before = this.#rest
    this.#rest = intake.takeBehind(before)
    return this.#rest !== before
  }

  /** The records that are complete under `end`. */
  *complete(end: CutEnd): Generator<RecordColumns> {
    const { partitionKey, clock, tally, cutReason = 'cut_line' } = this.#options
    for (;;) {
      const cut = this.#cutter.cut(this.#rest, this.#skipping, end)
      if (cut.consumed === 0) return
      const time = clock.wallMs()
      const records = cutColumns(this.#rest, cut, { partitionKey, time })
      this.#rest = this.#rest.subarray(cut.consumed)
      this.#skipping = cut.skipping
      tally.problem('empty_line', cut.emptyLines)
      tally.problem(cutReason, cut.truncated.length)
      if (cut.slowPattern) tally.problem('slow_pattern')
      if (cut.count > 0) yield records
    }
  }

  /** What follows begins anew; what is not in a record yet is left out. */
  restart(): void {
    this.#rest = Buffer.alloc(0)
    this.#skipping = false
  }
}
