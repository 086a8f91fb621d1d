import { findHwmon } from '../sensors/hwmon.ts'
import { findThermalZones } from '../sensors/thermal.ts'

export interface Temperature {
  readonly name: string
  readonly celsius: number
}

/** Sensors of a machine with very many of them that are read, so that a record stays small. */
const maxSensors = 64

/** All thermal zones and hwmon sensors under `sysRoot`; those that cannot be read are left out. */
export async function readTemperatures(sysRoot: string): Promise<readonly Temperature[]> {
  const found: Temperature[] = []
  for (const sensor of [...(await findThermalZones(sysRoot)), ...(await findHwmon(sysRoot))]) {
    if (sensor.kind !== 'temperature') continue
    const measurement = await sensor.read().catch(() => undefined)
    if (!measurement) continue
    const celsius = Math.round(measurement.value * 10) / 10
    found.push({ name: sensor.label ?? sensor.id, celsius })
    if (found.length >= maxSensors) break
  }
  return found
}
