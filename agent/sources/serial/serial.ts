import { z } from 'zod'
import { byteSize, count } from '../../../shared/config/fields.ts'
import { type RecordColumns, recordLimits } from '../../../shared/record.ts'
import type { Appender } from '../../buffer/buffer.ts'
import { ArrivingLines } from '../lines/arriving-lines.ts'
import { multilineOption } from '../lines/multiline-option.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { Feed } from './feed.ts'
import { openSerial } from './open-serial.ts'
import { Outbox } from '../outbox.ts'

const serialOptions = z.strictObject({
  serial: z
    .string()
    .startsWith('/', 'must be the path of a device, such as /dev/ttyUSB0')
    .describe('Serial device whose lines are read, such as /dev/ttyUSB0.'),
  baud: count({ min: 50, max: 4_000_000 })
    .prefault(9600)
    .describe('Bits per second; 8 data bits, no parity, one stop bit.'),
  multiline: multilineOption,
  maxLine: byteSize({ min: 64, max: recordLimits.recordBytes - 64 * 1024 })
    .prefault('64 KiB')
    .describe('A longer line is cut to this and marked with the attribute `truncated`.')
})

type SerialOptions = z.output<typeof serialOptions>

/** One record a line, stamped as it arrives. The device may be unplugged and come back. */
class SerialSource implements Source {
  readonly name: string
  readonly #options: SerialOptions
  readonly #context: SourceContext
  readonly #tally = new Tally()
  readonly #outbox: Outbox
  readonly #feed: Feed

  constructor(options: SerialOptions, context: SourceContext) {
    this.name = context.name
    this.#options = options
    this.#context = context
    this.#outbox = new Outbox(context, this.#tally)
    const { environment } = context
    const line = { path: options.serial, baud: options.baud, environment }
    this.#feed = new Feed({
      context,
      tally: this.#tally,
      what: options.serial,
      open: (signal) => openSerial(line, signal),
      idleMs: options.multiline?.maxWait
    })
  }

  stats(): SourceStats {
    return { ...this.#tally.stats(), behindBytes: this.#outbox.bytes }
  }

  /** With `--once` there is nothing to be read: what a device will say is not there yet. */
  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    if (this.#context.once || signal.aborted) return
    this.#outbox.begin(sink, signal)
    try {
      await this.#read(signal)
    } finally {
      await this.#outbox.end()
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { partitionKey, clock } = this.#context
    const { maxLine: maxLineBytes, multiline } = this.#options
    const rules = { maxLineBytes, multiline }
    const lines = new ArrivingLines({ rules, partitionKey, clock, tally: this.#tally })
    let isFirst = true
    for await (const piece of this.#feed.pieces(signal)) {
      if (typeof piece !== 'string') lines.add(piece)
      for (const records of lines.complete(typeof piece === 'string' ? 'idle' : 'more')) {
        this.#outbox.add(isFirst ? withFirstMarked(records) : records)
        isFirst = false
      }
      if (piece !== 'lost') continue
      // Half a line would be a wrong reading.
      if (lines.bytes > 0) this.#tally.problem('half_line')
      lines.restart()
      isFirst = true
    }
  }
}

/** The device may have been in the middle of its first line. */
function withFirstMarked(records: RecordColumns): RecordColumns {
  const attributes = records.attributes?.slice() ?? new Array<null>(records.lens.length).fill(null)
  attributes[0] = { ...attributes[0], first: 'true' }
  return { ...records, attributes }
}

export const serial: SourceType<SerialOptions> = {
  key: 'serial',
  summary: 'Reads lines from a serial device, which may be unplugged and come back.',
  options: serialOptions,
  create: (options, context) => new SerialSource(options, context)
}
