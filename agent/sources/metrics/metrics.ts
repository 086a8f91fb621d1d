import { z } from 'zod'
import { duration } from '../../../shared/config/fields.ts'
import type { Appender } from '../../buffer/buffer.ts'
import { eachInterval } from '../each-interval.ts'
import { Outbox } from '../outbox.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { Host } from './host.ts'

const metricsOptions = z.strictObject({
  metrics: duration({ min: 100, max: 86_400_000 }).describe(
    'Interval at which this machine is reported: processor, memory, disks, network, temperature.'
  ),
  procRoot: z.string().prefault('/proc').describe('Where proc is mounted, such as in a container.'),
  sysRoot: z.string().prefault('/sys').describe('Where sysfs is mounted.')
})

type MetricsOptions = z.output<typeof metricsOptions>

/** One JSON record an interval; with `--once` a single one. */
class MetricsSource implements Source {
  readonly name: string
  readonly #options: MetricsOptions
  readonly #context: SourceContext
  readonly #tally = new Tally()
  readonly #outbox: Outbox

  constructor(options: MetricsOptions, context: SourceContext) {
    this.name = context.name
    this.#options = options
    this.#context = context
    this.#outbox = new Outbox(context, this.#tally)
  }

  stats(): SourceStats {
    return { ...this.#tally.stats(), behindBytes: this.#outbox.bytes }
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    const { clock, once } = this.#context
    const { metrics: intervalMs, procRoot, sysRoot } = this.#options
    const host = new Host({ procRoot, sysRoot, clock })
    // Rates need a reading before the first that is reported.
    await host.sample()
    const onMissed = (count: number) => this.#tally.problem('missed_reading', count)
    this.#outbox.begin(sink, signal)
    try {
      await eachInterval({ intervalMs, clock, once, onMissed }, signal, () => this.#report(host))
    } finally {
      await this.#outbox.end()
    }
  }

  async #report(host: Host): Promise<void> {
    const { partitionKey, clock } = this.#context
    const data = Buffer.from(JSON.stringify(await host.sample()))
    this.#outbox.add({
      keys: [partitionKey],
      times: Float64Array.of(clock.wallMs()),
      lens: Uint32Array.of(data.length),
      data
    })
  }
}

export const metrics: SourceType<MetricsOptions> = {
  key: 'metrics',
  summary: 'Reports this machine: processor, memory, disks, network and temperature.',
  options: metricsOptions,
  create: (options, context) => new MetricsSource(options, context)
}
