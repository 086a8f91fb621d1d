import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Quantity, type Sensor, scaled } from './sensor.ts'
import { namesIn, numberOf, textOf } from './sysfs.ts'

/**
 * By the type in an attribute's name. The factor leads from the unit of Documentation/ABI/testing/
 * sysfs-bus-iio of Linux to that of RFC 8428. What is not here is reported without a unit.
 */
const quantities: Readonly<Record<string, Quantity>> = {
  temp: { kind: 'temperature', unit: 'Cel', factor: 1e-3 },
  humidityrelative: { kind: 'humidity', unit: '%RH', factor: 1e-3 },
  pressure: { kind: 'pressure', unit: 'Pa', factor: 1e3 },
  illuminance: { kind: 'illuminance', unit: 'lx', factor: 1 },
  voltage: { kind: 'voltage', unit: 'V', factor: 1e-3 },
  current: { kind: 'current', unit: 'A', factor: 1e-3 },
  power: { kind: 'power', unit: 'W', factor: 1e-3 },
  energy: { kind: 'energy', unit: 'J', factor: 1 },
  resistance: { kind: 'resistance', unit: 'Ohm', factor: 1 },
  capacitance: { kind: 'capacitance', unit: 'F', factor: 1e-9 },
  concentration: { kind: 'concentration', unit: 'ppm', factor: 1e4 },
  massconcentration: { kind: 'mass-concentration', unit: 'ug/m3', factor: 1 },
  electricalconductivity: { kind: 'conductivity', unit: 'S/m', factor: 1 },
  ph: { kind: 'ph', unit: 'pH', factor: 1 },
  accel: { kind: 'acceleration', unit: 'm/s2', factor: 1 },
  gravity: { kind: 'gravity', unit: 'm/s2', factor: 1 },
  anglvel: { kind: 'angular-velocity', unit: 'rad/s', factor: 1 },
  angl: { kind: 'angle', unit: 'rad', factor: 1 },
  incli: { kind: 'inclination', unit: 'deg', factor: 1 },
  magn: { kind: 'magnetic-field', unit: 'T', factor: 1e-4 },
  distance: { kind: 'distance', unit: 'm', factor: 1 },
  velocity: { kind: 'velocity', unit: 'm/s', factor: 1 }
}

const attribute = /^in_([a-z]+)(.*)_(input|raw)$/

/** Extremes since some reset and averages are not readings. */
const derived = /_(peak|trough|mean)$/

/**
 * The input channels of all IIO devices: what the driver has converted itself, else raw values with
 * their offset and scale. A raw value without a scale stays as it is and has no unit.
 */
export async function findIio(sysRoot: string): Promise<Sensor[]> {
  const devices = join(sysRoot, 'bus/iio/devices')
  const found: Sensor[] = []
  for (const device of await namesIn(devices, /^iio:device\d+$/)) {
    const folder = join(devices, device)
    const attributes = await namesIn(folder, /^in_/)
    const name = (await textOf(join(folder, 'name'))) || device
    const label = await textOf(join(folder, 'label'))
    const place = await placeOf(folder)
    for (const file of attributes) {
      const channel = channelOf({ folder, file, attributes })
      if (!channel) continue
      found.push({
        id: `iio/${name}${place}/${channel.name}`,
        ...(label ? { label } : {}),
        ...sensorOf(channel)
      })
    }
  }
  return found
}

interface Attribute {
  readonly folder: string
  readonly file: string
  /** All of the device that begin with `in_`. */
  readonly attributes: readonly string[]
}

interface Channel {
  /** `temp`, `voltage0`, `accel_x`. */
  readonly name: string
  readonly type: string
  readonly value: string
  /** Absent for what the driver has converted, and for raw values of unknown scale. */
  readonly scale?: string | undefined
  readonly offset?: string | undefined
}

function channelOf({ folder, file, attributes }: Attribute): Channel | undefined {
  const [, type = '', rest = '', form] = attribute.exec(file) ?? []
  const name = `${type}${rest}`
  if (type === '' || derived.test(rest)) return undefined
  const value = join(folder, file)
  if (form === 'input') return { name, type, value }
  if (attributes.includes(`in_${name}_input`)) return undefined
  // Its own, or one that channels of this type share.
  const shared = (what: string) => {
    const own = [name, name.replace(/\d+/g, ''), type].map((one) => `in_${one}_${what}`)
    const found = own.find((one) => attributes.includes(one))
    return found && join(folder, found)
  }
  return {
    name,
    type: shared('scale') ? type : `raw-${type}`,
    value,
    scale: shared('scale'),
    offset: shared('offset')
  }
}

function sensorOf({ type, value, scale, offset }: Channel): Omit<Sensor, 'id'> {
  const { kind = type, unit, factor } = quantities[type] ?? { factor: 1, unit: undefined }
  return {
    kind,
    ...(unit === undefined ? {} : { unit }),
    read: async () => {
      const raw = await numberOf(value)
      const shift = offset === undefined ? 0 : await numberOf(offset)
      const slope = scale === undefined ? 1 : await numberOf(scale)
      return { value: scaled(raw + shift, slope * factor) }
    }
  }
}

/** Where the device sits, `@1-0076`, so that two of a kind keep their names. */
async function placeOf(folder: string): Promise<string> {
  const parent = basename(dirname(await realpath(folder).catch(() => folder)))
  return parent === 'devices' ? '' : `@${parent}`
}
