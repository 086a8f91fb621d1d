import type { Appender, Cursor } from '../../buffer/buffer.ts'
import { InFlight } from '../in-flight.ts'
import { cutColumns, noRecords } from '../lines/cut-columns.ts'
import { type Cut, type CutEnd, LineCutter } from '../lines/line-cutter.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'
import { WindDown } from '../wind-down.ts'
import { advance } from './advance.ts'
import { fileCursor } from './cursors.ts'
import type { TailFile } from './tail-file.ts'
import type { TailOptions } from './tail-options.ts'

/** Data of one chunk, so that it becomes one frame. */
const chunkBytes = 256 * 1024

/** How long the buffer may take for what was read when the run ends; the rest is read again. */
const graceMs = 2000

/** What one run of the source works with. */
export interface TailRunOptions {
  readonly tail: TailOptions
  readonly context: SourceContext
  readonly tally: Tally
  readonly sink: Appender
  readonly signal: AbortSignal
}

/** Takes chunks from files to the buffer. All files share its one read buffer. */
export class TailReader {
  readonly #options: TailRunOptions
  readonly #cutter: LineCutter
  readonly #inFlight = new InFlight({ bytes: 4 * chunkBytes, count: 256 })
  readonly #windDown: WindDown
  #buffer = Buffer.allocUnsafeSlow(chunkBytes)

  constructor(options: TailRunOptions) {
    this.#options = options
    this.#windDown = new WindDown({ ...options, graceMs })
    const { multiline, maxLine } = options.tail
    this.#cutter = new LineCutter({ maxLineBytes: maxLine, multiline })
  }

  /** Resolves when another chunk may be appended. Throws what an append was rejected with. */
  room(): Promise<void> {
    return this.#inFlight.room()
  }

  /** Appends the next chunk of an open file; resolves with false when there is none under `end`. */
  async turn(file: TailFile, end: CutEnd): Promise<boolean> {
    for (;;) {
      const length = Math.min(this.#buffer.length, file.behindBytes)
      const bytes = await file.readInto(this.#buffer.subarray(0, length), file.position.offset)
      const whole = bytes.length === file.behindBytes
      const cut = this.#cutter.cut(bytes, file.position.skipping, whole ? end : 'more')
      if (cut.consumed > 0) {
        this.#take(file, bytes, cut)
        return true
      }
      if (whole || bytes.length < length || length >= this.#cutter.wholeLineBytes) {
        file.stalledUnder(end)
        return false
      }
      this.#buffer = Buffer.allocUnsafeSlow(this.#cutter.wholeLineBytes)
    }
  }

  /** Commits cursors alone, at once. */
  commit(cursors: readonly Cursor[]): void {
    const { sink, context } = this.#options
    const records = noRecords(context.partitionKey)
    const chunk = { stream: context.stream, records, cursors, urgent: true }
    this.#inFlight.add(0, sink.append(chunk, this.#windDown.signal))
  }

  /** Resolves when all that was read is durable. Throws what an append was rejected with. */
  durable(): Promise<void> {
    // Nobody is to wait for the commit age of the last lines.
    if (!this.#inFlight.empty) this.commit([])
    return this.#inFlight.durable()
  }

  /** Throws what an append was rejected with. */
  check(): void {
    this.#inFlight.check()
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    if (!this.#inFlight.empty) this.#windDown.begin()
    await this.#inFlight.settled()
    this.#windDown.close()
  }

  #take(file: TailFile, bytes: Buffer, cut: Cut): void {
    const { sink, context, tally } = this.#options
    file.moveTo({ ...advance(file.position, bytes, cut), readMs: file.state.mtimeMs })
    tally.problem('empty_line', cut.emptyLines)
    tally.problem('cut_line', cut.truncated.length)
    if (cut.slowPattern) tally.problem('slow_pattern')
    // The cursor of a chunk without records waits for the next: passing over them again is harmless.
    if (cut.count === 0) return
    const { partitionKey, stream, name, clock } = context
    const records = cutColumns(bytes, cut, { partitionKey, time: clock.wallMs() })
    tally.took(records)
    // A failure since the last `room` leaves a gap that this cursor must not cover.
    this.#inFlight.check()
    const chunk = { stream, records, cursors: [fileCursor(name, file)] }
    this.#inFlight.add(records.data.length, sink.append(chunk, this.#windDown.signal))
  }
}
