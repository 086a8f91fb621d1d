import { NmeaDecoder, type EpochResult } from '../../formats/nmea/nmea-decoder.ts'
import { Feed } from '../serial/feed.ts'
import type { Outbox } from '../outbox.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'
import { fixColumns, originOf } from './fix-columns.ts'
import { FixFilter } from './fix-filter.ts'
import { formatGpsAddress, type GpsAddress } from './gps-address.ts'
import type { GpsOptions } from './gps-options.ts'
import { GpsdDecoder } from './gpsd-decoder.ts'
import { openReceiver } from './open-receiver.ts'
import { TextLines } from './text-lines.ts'

/** Between the last sentence of an epoch and the first of the next there is silence. */
const epochGapMs = 250

export interface LiveRunOptions {
  readonly address: Exclude<GpsAddress, { readonly kind: 'file' }>
  readonly gps: GpsOptions
  readonly context: SourceContext
  readonly tally: Tally
  readonly outbox: Outbox
}

interface Decoder {
  line(line: string): EpochResult | undefined
  flush(): EpochResult | undefined
}

/** One run over a receiver that speaks now. */
export class LiveRun {
  readonly #options: LiveRunOptions
  readonly #feed: Feed
  readonly #filter: FixFilter
  #decoder: Decoder
  #lines: TextLines
  #kept = 0

  constructor(options: LiveRunOptions) {
    const { address, gps, context, tally } = options
    const { baud, watchdog, deadband } = gps
    this.#options = options
    this.#filter = new FixFilter({ tally, deadband, isLive: true })
    this.#decoder = this.#newDecoder()
    this.#lines = new TextLines(tally)
    this.#feed = new Feed({
      context,
      tally,
      what: formatGpsAddress(address),
      open: (signal) => openReceiver({ address, baud, context }, signal),
      idleMs: epochGapMs,
      watchdogMs: watchdog
    })
  }

  /** Until `signal` aborts; under `once` until one fix is kept, or none came within the watchdog's time. */
  async run(signal: AbortSignal): Promise<void> {
    const { context, gps } = this.#options
    const { clock, once } = context
    const begun = clock.monoMs()
    for await (const piece of this.#feed.pieces(signal)) {
      if (piece === 'idle') this.#take(this.#decoder.flush())
      else if (piece === 'lost') this.#restart()
      else for (const line of this.#lines.take(piece)) this.#take(this.#decoder.line(line))
      if (once && (this.#kept > 0 || clock.monoMs() - begun >= gps.watchdog)) return
    }
  }

  #take(result: EpochResult | undefined): void {
    const { context, outbox } = this.#options
    this.#tellTime(result)
    const fix = this.#filter.take(result, context.clock.wallMs())
    if (!fix) return
    this.#kept += 1
    outbox.add(fixColumns([fix], context.partitionKey), originOf([fix]))
  }

  /** The time of a fix is that of the moment, unless it is an old one again or was not received. */
  #tellTime(result: EpochResult | undefined): void {
    if (result === undefined || result === 'no_fix') return
    const { time, quality } = result
    if (time === undefined || time === this.#filter.lastTime) return
    if (quality === 'simulated' || quality === 'manual' || quality === 'estimated') return
    this.#options.context.tellTime?.(time)
  }

  /** What follows is the middle of something else. */
  #restart(): void {
    this.#take(this.#decoder.flush())
    this.#decoder = this.#newDecoder()
    this.#lines = new TextLines(this.#options.tally)
  }

  #newDecoder(): Decoder {
    const { address, gps, tally } = this.#options
    const problem = (reason: string) => tally.problem(reason)
    if (address.kind === 'gpsd') return new GpsdDecoder(problem)
    return new NmeaDecoder({ requireChecksum: gps.requireChecksum, problem })
  }
}
