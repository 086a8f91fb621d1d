import { join } from 'node:path'
import { type Sensor, scaled } from './sensor.ts'
import { namesIn, numberOf, textOf } from './sysfs.ts'

/** The thermal zones, in millidegrees, as Documentation/driver-api/thermal of Linux has them. */
export async function findThermalZones(sysRoot: string): Promise<Sensor[]> {
  const zones = join(sysRoot, 'class/thermal')
  const names = await namesIn(zones, /^thermal_zone\d+$/)
  return Promise.all(
    names.map(async (zone) => {
      const type = (await textOf(join(zones, zone, 'type'))) || zone
      return {
        id: `thermal/${type}`,
        kind: 'temperature',
        unit: 'Cel',
        label: type,
        read: async () => ({ value: scaled(await numberOf(join(zones, zone, 'temp')), 1e-3) })
      }
    })
  )
}
