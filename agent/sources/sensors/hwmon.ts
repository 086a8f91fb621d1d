import { join } from 'node:path'
import { type Quantity, type Sensor, scaled } from './sensor.ts'
import { linkedName, namesIn, numberOf, textOf } from './sysfs.ts'

/** By the name of the attribute; factors from Documentation/hwmon/sysfs-interface.rst of Linux. */
const quantities: Readonly<Record<string, Quantity>> = {
  temp: { kind: 'temperature', unit: 'Cel', factor: 1e-3 },
  in: { kind: 'voltage', unit: 'V', factor: 1e-3 },
  curr: { kind: 'current', unit: 'A', factor: 1e-3 },
  power: { kind: 'power', unit: 'W', factor: 1e-6 },
  energy: { kind: 'energy', unit: 'J', factor: 1e-6 },
  humidity: { kind: 'humidity', unit: '%RH', factor: 1e-3 },
  fan: { kind: 'fan', unit: '1/min', factor: 1 }
}

const input = /^([a-z]+)\d+_input$/

/** Thermal zones and 1-wire thermometers show themselves here once more; they are read there. */
const readElsewhere = /^(thermal_zone\d+|[0-9a-f]{2}-[0-9a-f]{12})$/

/** The inputs of all hwmon chips. */
export async function findHwmon(sysRoot: string): Promise<Sensor[]> {
  const chips = join(sysRoot, 'class/hwmon')
  const found: Sensor[] = []
  for (const chip of await namesIn(chips, /^hwmon\d+$/)) {
    const folder = join(chips, chip)
    const device = await linkedName(join(folder, 'device'))
    if (readElsewhere.test(device)) continue
    const name = (await textOf(join(folder, 'name'))) || chip
    const prefix = `hwmon/${device === '' ? name : `${name}@${device}`}`
    for (const file of await namesIn(folder, input)) {
      const quantity = quantities[input.exec(file)?.[1] ?? '']
      if (!quantity) continue
      const channel = file.slice(0, -'_input'.length)
      const label = (await textOf(join(folder, `${channel}_label`))) || channel
      const { kind, unit, factor } = quantity
      found.push({
        id: `${prefix}/${channel}`,
        kind,
        unit,
        label: `${name} ${label}`,
        read: async () => ({ value: scaled(await numberOf(join(folder, file)), factor) })
      })
    }
  }
  return found
}
