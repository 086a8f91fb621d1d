import { z } from 'zod'
import { byteSize, count } from '../../../shared/config/fields.ts'
import { recordLimits } from '../../../shared/record.ts'
import type { Appender } from '../../buffer/buffer.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { ArrivingLines } from './arriving-lines.ts'
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
    const line = { path: options.serial, baud: options.baud }
    this.#feed = new Feed({
      context,
      tally: this.#tally,
      what: options.serial,
      open: (signal) => openSerial(line, signal)
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
    const tally = this.#tally
    const lines = new ArrivingLines({ maxLineBytes: this.#options.maxLine, partitionKey, tally })
    for await (const piece of this.#feed.pieces(signal)) {
      if (piece === 'lost') lines.restart()
      if (typeof piece === 'string') continue
      for (const records of lines.take(piece, clock.wallMs())) this.#outbox.add(records)
    }
  }
}

export const serial: SourceType<SerialOptions> = {
  key: 'serial',
  summary: 'Reads lines from a serial device, which may be unplugged and come back.',
  options: serialOptions,
  create: (options, context) => new SerialSource(options, context)
}
