import { z } from 'zod'
import { count, duration, flag } from '../../../shared/config/fields.ts'
import type { RecordColumns } from '../../../shared/record.ts'
import type { Appender } from '../../buffer/buffer.ts'
import { Outbox } from '../outbox.ts'
import { harmlessPart } from '../process/environment.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { EdgeTimes } from './edge-times.ts'
import { argumentsFor, biases, type Edge, edges, parseEdge, versionOf } from './gpiomon.ts'
import { LineWatcher } from './line-watcher.ts'

const gpioOptions = z.strictObject({
  gpio: z
    .string()
    .min(1)
    .describe('GPIO chip whose input lines are watched for edges, such as `gpiochip0`.'),
  lines: z
    .array(count({ max: 65_535 }))
    .min(1)
    .max(64)
    .describe('Lines by their offset on the chip; on a Raspberry Pi the BCM numbers.'),
  edge: z.enum(edges).prefault('both').describe('Which edges become records.'),
  debounce: duration({ max: 60_000 })
    .prefault('0ms')
    .describe('How long a line must be stable before its edge counts; needs libgpiod 2.'),
  bias: z.enum(biases).prefault('as-is').describe('Resistor that is switched on inside the chip.'),
  activeLow: flag().prefault(false).describe('Low is active: what rises is reported as falling.'),
  command: z
    .string()
    .min(1)
    .prefault('gpiomon')
    .describe('The tool of libgpiod 1 or 2 that watches, or its path.')
})

type GpioOptions = z.output<typeof gpioOptions>

/** One record an edge, with the kernel's time. Edges cannot be read again: each chunk is volatile. */
class GpioSource implements Source {
  readonly name: string
  readonly #options: GpioOptions
  readonly #context: SourceContext
  readonly #times: EdgeTimes
  readonly #tally = new Tally()
  readonly #outbox: Outbox

  constructor(options: GpioOptions, context: SourceContext) {
    this.name = context.name
    this.#options = options
    this.#context = context
    this.#times = new EdgeTimes(context.clock)
    this.#outbox = new Outbox(context, this.#tally)
  }

  stats(): SourceStats {
    return { ...this.#tally.stats(), behindBytes: this.#outbox.bytes }
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    // There is no end of edges to come to.
    if (signal.aborted || this.#context.once) return
    const { command, gpio: chip, debounce: debounceMs, ...rest } = this.#options
    const env = harmlessPart(this.#context.environment)
    const args = argumentsFor(await versionOf(command, env), { chip, debounceMs, ...rest })
    const watcher = new LineWatcher({ command, args, env }, signal)
    this.#outbox.begin(sink, signal)
    try {
      for (;;) {
        const lines = await watcher.lines(signal)
        this.#take(lines)
        if (signal.aborted) break
        if (lines.length === 0) await watcher.failure()
      }
    } finally {
      await watcher.close()
      this.#take(watcher.take())
      await this.#outbox.end()
    }
  }

  #take(lines: readonly string[]): void {
    const found = lines.flatMap((line) => parseEdge(line) ?? [])
    this.#tally.problem('unknown_line', lines.length - found.length)
    if (found.length > 0) this.#outbox.add(this.#recordsOf(found))
  }

  #recordsOf(found: readonly Edge[]): RecordColumns {
    const data = found.map(({ line, edge, seconds, nanoseconds }) => {
      const time = `${seconds}.${String(nanoseconds).padStart(9, '0')}`
      return Buffer.from(JSON.stringify({ line, edge, time }))
    })
    return {
      keys: [this.#context.partitionKey],
      times: Float64Array.from(found, (edge) => this.#times.wallMs(edge)),
      lens: Uint32Array.from(data, (one) => one.length),
      data: Buffer.concat(data)
    }
  }
}

export const gpio: SourceType<GpioOptions> = {
  key: 'gpio',
  summary: 'Watches GPIO input lines and takes each edge with the time the kernel gave it.',
  options: gpioOptions,
  create: (options, context) => new GpioSource(options, context)
}
