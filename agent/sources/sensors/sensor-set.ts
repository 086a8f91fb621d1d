import type { Clock } from '../../../shared/clock.ts'
import type { Log } from '../../../shared/log.ts'
import { findHwmon } from './hwmon.ts'
import { findIio } from './iio.ts'
import { findOneWire } from './one-wire.ts'
import type { SensorFilter } from './sensor-filter.ts'
import { type Measurement, type Sensor, SensorFault } from './sensor.ts'
import { findThermalZones } from './thermal.ts'
import { findThrottled } from './throttled.ts'

/** Sensors that are read on a machine with very many. */
const maxSensors = 256

/** How long a sensor that was plugged in may stay unseen, at an interval that is shorter. */
const rescanMs = 30_000

interface SensorSetOptions {
  readonly sysRoot: string
  readonly vcgencmd: string
  /** All that the environment of `vcgencmd` holds. */
  readonly env: Readonly<Record<string, string>>
  readonly filter: SensorFilter
  readonly clock: Clock
  readonly log: Log
  readonly onProblem: (reason: string) => void
}

export interface Reading {
  readonly sensor: Sensor
  readonly measurement: Measurement
  readonly wallMs: number
}

/** The sensors this machine has at the moment. */
export class SensorSet {
  readonly #options: SensorSetOptions
  #sensors: ReadonlyMap<string, Sensor> | undefined
  #scanAtMs = 0
  /** Those whose last reading failed; each is reported once until it works again. */
  readonly #failing = new Set<string>()

  constructor(options: SensorSetOptions) {
    this.#options = options
  }

  /**
   * One reading of each sensor, one sensor after the other: the kernel lets one be read at a time on
   * a bus, and a thread waits meanwhile. Those that fail are counted and left out. Returns early
   * what it has when `signal` aborts.
   */
  async read(signal: AbortSignal): Promise<readonly Reading[]> {
    const { clock } = this.#options
    if (clock.monoMs() >= this.#scanAtMs) await this.#scan()
    const readings: Reading[] = []
    for (const sensor of this.#sensors?.values() ?? []) {
      if (signal.aborted) break
      try {
        const measurement = await sensor.read()
        readings.push({ sensor, measurement, wallMs: clock.wallMs() })
        this.#failing.delete(sensor.id)
      } catch (error) {
        this.#failed(sensor, error)
      }
    }
    return readings
  }

  #failed({ id }: Sensor, error: unknown): void {
    this.#options.onProblem(error instanceof SensorFault ? error.fault : 'unreadable_sensor')
    if (this.#failing.has(id)) return
    this.#failing.add(id)
    // It may have been unplugged, or have another number now.
    this.#scanAtMs = 0
    this.#options.log.warn({ sensor: id, error }, 'sensor cannot be read')
  }

  async #scan(): Promise<void> {
    const { clock, log } = this.#options
    const before = this.#sensors
    const now = await this.#find()
    this.#sensors = now
    this.#scanAtMs = clock.monoMs() + rescanMs
    const found = [...now.keys()].filter((id) => !before?.has(id))
    const gone = [...(before?.keys() ?? [])].filter((id) => !now.has(id))
    for (const id of gone) this.#failing.delete(id)
    if (gone.length > 0) log.warn({ gone }, 'sensors are gone')
    if (found.length > 0) log.info({ found }, 'sensors found')
    if (!before && now.size === 0) {
      log.warn({ sysRoot: this.#options.sysRoot }, 'no sensor found; looked for again and again')
    }
  }

  /** By id. The second of two that the kernel calls the same is `…#2`. */
  async #find(): Promise<ReadonlyMap<string, Sensor>> {
    const { sysRoot, filter } = this.#options
    const kinds = await Promise.all([
      findThermalZones(sysRoot),
      findHwmon(sysRoot),
      findIio(sysRoot),
      findThrottled(this.#options),
      // Last, because they are slow.
      findOneWire(sysRoot)
    ])
    const found = new Map<string, Sensor>()
    const seen = new Map<string, number>()
    for (const sensor of kinds.flat()) {
      const times = (seen.get(sensor.id) ?? 0) + 1
      seen.set(sensor.id, times)
      const id = times === 1 ? sensor.id : `${sensor.id}#${times}`
      if (found.size < maxSensors && filter.admits(id)) found.set(id, { ...sensor, id })
    }
    return found
  }
}
