import { LineCutter } from '../lines/line-cutter.ts'
import type { Tally } from '../tally.ts'

/** gpsd writes at most 10240 bytes a line, NMEA 82. */
const maxLineBytes = 16 * 1024

/** The lines of pieces that come one after the other, as text. */
export class TextLines {
  readonly #cutter = new LineCutter({ maxLineBytes })
  readonly #tally: Tally
  #rest: Buffer = Buffer.alloc(0)
  #skipping = false

  constructor(tally: Tally) {
    this.#tally = tally
  }

  *take(piece: Buffer): Generator<string> {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    for (;;) {
      const cut = this.#cutter.cut(this.#rest, this.#skipping, 'more')
      if (cut.consumed === 0) return
      const bytes = this.#rest
      this.#rest = bytes.subarray(cut.consumed)
      this.#skipping = cut.skipping
      this.#tally.problem('cut_line', cut.truncated.length)
      for (let i = 0; i < cut.count; i++) yield bytes.toString('utf8', cut.starts[i], cut.ends[i])
    }
  }
}
