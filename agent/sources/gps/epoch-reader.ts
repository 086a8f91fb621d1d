import { NmeaDecoder } from '../../formats/nmea/nmea-decoder.ts'
import { type CutEnd, LineCutter } from '../lines/line-cutter.ts'
import type { Tally } from '../tally.ts'
import type { FilePosition } from './file-cursor.ts'
import { FixFilter, type KeptFix } from './fix-filter.ts'
import type { GpsOptions } from './gps-options.ts'

/** A sentence has 82 bytes; longer lines are something else. */
const maxLineBytes = 1024

interface EpochReaderOptions {
  readonly gps: GpsOptions
  readonly tally: Tally
  readonly from: FilePosition
}

/** Makes fixes of a file of NMEA, and knows up to where it is done. */
export class EpochReader {
  readonly #options: EpochReaderOptions
  readonly #cutter = new LineCutter({ maxLineBytes })
  readonly #decoder: NmeaDecoder
  readonly #filter: FixFilter
  #offset: number
  #done: number
  #skipping = false

  constructor(options: EpochReaderOptions) {
    const { gps, tally, from } = options
    const { requireChecksum, deadband } = gps
    const { lastTime, offset } = from
    this.#options = options
    const problem = (reason: string) => tally.problem(reason)
    this.#decoder = new NmeaDecoder({ requireChecksum, problem, lastTime })
    this.#filter = new FixFilter({ tally, deadband, isLive: false, lastTime })
    this.#offset = offset
    this.#done = offset
  }

  /** Where the bytes of the next `take` begin. */
  get offset(): number {
    return this.#offset
  }

  /** Whoever reads on from here finds what has not been given out, and nothing else. */
  get position(): FilePosition {
    const { file } = this.#options.from
    return { file, offset: this.#done, lastTime: this.#filter.lastTime }
  }

  /** The fixes of the epochs that are complete within `bytes`, which begin at `offset`. */
  take(bytes: Buffer, end: CutEnd, arrivalMs: number): KeptFix[] {
    const kept: KeptFix[] = []
    const cut = this.#cutter.cut(bytes, this.#skipping, end)
    this.#options.tally.problem('cut_line', cut.truncated.length)
    for (let i = 0; i < cut.count; i++) {
      const start = cut.starts[i] as number
      const result = this.#decoder.line(bytes.toString('latin1', start, cut.ends[i]))
      if (result) this.#done = this.#offset + start
      const fix = this.#filter.take(result, arrivalMs)
      if (fix) kept.push(fix)
      if (this.#decoder.empty) this.#done = this.#offset + (cut.nexts[i] as number)
    }
    this.#offset += cut.consumed
    this.#skipping = cut.skipping
    return kept
  }

  /** The epoch that may have waited for more sentences. */
  flush(arrivalMs: number): KeptFix[] {
    const fix = this.#filter.take(this.#decoder.flush(), arrivalMs)
    this.#done = this.#offset
    return fix ? [fix] : []
  }
}
