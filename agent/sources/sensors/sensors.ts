import { z } from 'zod'
import { duration } from '../../../shared/config/fields.ts'
import type { RecordColumns } from '../../../shared/record.ts'
import type { Appender } from '../../buffer/buffer.ts'
import { eachInterval } from '../each-interval.ts'
import { Outbox } from '../outbox.ts'
import { harmlessPart } from '../process/environment.ts'
import type { Source, SourceContext, SourceStats, SourceType } from '../source.ts'
import { Tally } from '../tally.ts'
import { SensorFilter } from './sensor-filter.ts'
import { type Reading, SensorSet } from './sensor-set.ts'

const sensorsOptions = z.strictObject({
  sensors: duration({ min: 100, max: 86_400_000 }).describe(
    'Interval at which the sensors of this machine are read: 1-wire, IIO, hwmon, thermal zones, power of a Raspberry Pi.'
  ),
  only: z
    .array(z.string().min(1))
    .prefault([])
    .describe('Ids of the sensors to read, or beginnings such as `w1`; `*` is anything. Else all.'),
  record: z
    .enum(['reading', 'interval'])
    .prefault('reading')
    .describe('What becomes one record: each reading, or all of an interval together.'),
  sysRoot: z.string().prefault('/sys').describe('Where sysfs is mounted, such as in a container.'),
  vcgencmd: z
    .string()
    .min(1)
    .prefault('vcgencmd')
    .describe('The command that asks the firmware of a Raspberry Pi.')
})

type SensorsOptions = z.output<typeof sensorsOptions>

/** Readings cannot be made again: each chunk is volatile. With `--once` every sensor is read once. */
class SensorsSource implements Source {
  readonly name: string
  readonly #options: SensorsOptions
  readonly #context: SourceContext
  readonly #tally = new Tally()
  readonly #outbox: Outbox

  constructor(options: SensorsOptions, context: SourceContext) {
    this.name = context.name
    this.#options = options
    this.#context = context
    this.#outbox = new Outbox(context, this.#tally)
  }

  stats(): SourceStats {
    return { ...this.#tally.stats(), behindBytes: this.#outbox.bytes }
  }

  async run(sink: Appender, signal: AbortSignal): Promise<void> {
    const { clock, once, log, environment } = this.#context
    const { sensors: intervalMs, only, sysRoot, vcgencmd } = this.#options
    const set = new SensorSet({
      sysRoot,
      vcgencmd,
      env: harmlessPart(environment),
      filter: new SensorFilter(only),
      clock,
      log: log.child({ source: this.name }),
      onProblem: (reason) => this.#tally.problem(reason)
    })
    const onMissed = (count: number) => this.#tally.problem('missed_reading', count)
    this.#outbox.begin(sink, signal)
    try {
      await eachInterval({ intervalMs, clock, once, onMissed }, signal, async () => {
        const readings = await set.read(signal)
        if (readings.length > 0) this.#outbox.add(this.#recordsOf(readings))
      })
    } finally {
      await this.#outbox.end()
    }
  }

  #recordsOf(readings: readonly Reading[]): RecordColumns {
    const objects = readings.map(({ sensor: { id, kind, unit, label }, measurement }) => ({
      sensor: id,
      ...(label === undefined ? {} : { label }),
      kind,
      ...measurement,
      ...(unit === undefined ? {} : { unit })
    }))
    const together = this.#options.record === 'interval'
    const data = (together ? [{ readings: objects }] : objects).map((object) =>
      Buffer.from(JSON.stringify(object))
    )
    const times = readings.map(({ wallMs }) => wallMs)
    return {
      keys: [this.#context.partitionKey],
      times: Float64Array.from(together ? times.slice(-1) : times),
      lens: Uint32Array.from(data, (one) => one.length),
      data: Buffer.concat(data)
    }
  }
}

export const sensors: SourceType<SensorsOptions> = {
  key: 'sensors',
  summary:
    'Reads the sensors of this machine: 1-wire, IIO, hwmon, thermal zones, power of a Raspberry Pi.',
  options: sensorsOptions,
  create: (options, context) => new SensorsSource(options, context)
}
