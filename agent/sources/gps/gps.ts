import type { Appender } from '../../buffer/buffer.ts'
import { Outbox } from '../outbox.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { FileRun } from './file-run.ts'
import { type GpsOptions, gpsOptions } from './gps-options.ts'
import { LiveRun } from './live-run.ts'

/** One JSON record a fix, at the time of the fix. */
class GpsSource implements Source {
  readonly name: string
  readonly #gps: GpsOptions
  readonly #context: SourceContext
  readonly #tally = new Tally()
  readonly #outbox: Outbox

  constructor(gps: GpsOptions, context: SourceContext) {
    this.name = context.name
    this.#gps = gps
    this.#context = context
    this.#outbox = new Outbox(context, this.#tally)
  }

  stats(): SourceStats {
    const stats = this.#tally.stats()
    return this.#gps.gps.kind === 'file' ? stats : { ...stats, behindBytes: this.#outbox.bytes }
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const shared = { gps: this.#gps, context: this.#context, tally: this.#tally }
    const address = this.#gps.gps
    if (address.kind === 'file') {
      return new FileRun({ ...shared, path: address.path, sink, signal }).run()
    }
    this.#outbox.begin(sink, signal)
    try {
      await new LiveRun({ ...shared, address, outbox: this.#outbox }).run(signal)
    } finally {
      await this.#outbox.end()
    }
  }
}

export const gps: SourceType<GpsOptions> = {
  key: 'gps',
  summary: 'Reads fixes from gpsd, from a receiver that speaks NMEA, or from a recording.',
  options: gpsOptions,
  create: (options, context) => new GpsSource(options, context)
}
