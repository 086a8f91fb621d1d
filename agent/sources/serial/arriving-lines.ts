import type { RecordColumns } from '../../../shared/record.ts'
import { cutColumns } from '../lines/cut-columns.ts'
import { LineCutter } from '../lines/line-cutter.ts'
import type { Tally } from '../tally.ts'

interface ArrivingLinesOptions {
  readonly maxLineBytes: number
  readonly partitionKey: string
  readonly tally: Tally
}

/** Lines that come piece by piece from something that may have been in the middle of one. */
export class ArrivingLines {
  readonly #options: ArrivingLinesOptions
  readonly #cutter: LineCutter
  #rest: Buffer = Buffer.alloc(0)
  #skipping = false
  #isFirst = true

  constructor(options: ArrivingLinesOptions) {
    this.#options = options
    this.#cutter = new LineCutter(options)
  }

  /** The lines that `piece` completes. The first of all has the attribute `first`. */
  *take(piece: Buffer, time: number): Generator<RecordColumns> {
    const { partitionKey, tally } = this.#options
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    for (;;) {
      const cut = this.#cutter.cut(this.#rest, this.#skipping, 'more')
      if (cut.consumed === 0) return
      const records = cutColumns(this.#rest, cut, { partitionKey, time })
      this.#rest = this.#rest.subarray(cut.consumed)
      this.#skipping = cut.skipping
      tally.problem('empty_line', cut.emptyLines)
      tally.problem('cut_line', cut.truncated.length)
      if (cut.count === 0) continue
      yield this.#isFirst ? withFirstMarked(records) : records
      this.#isFirst = false
    }
  }

  /** What follows begins anew. Half a line would be a wrong reading, so it is left out. */
  restart(): void {
    if (this.#rest.length > 0) this.#options.tally.problem('half_line')
    this.#rest = Buffer.alloc(0)
    this.#skipping = false
    this.#isFirst = true
  }
}

function withFirstMarked(records: RecordColumns): RecordColumns {
  const attributes = records.attributes?.slice() ?? new Array<null>(records.lens.length).fill(null)
  attributes[0] = { ...attributes[0], first: 'true' }
  return { ...records, attributes }
}
