import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Temperature {
  readonly name: string
  readonly celsius: number
}

/** Sensors of a machine with very many of them that are read, so that a record stays small. */
const maxSensors = 64

/** All thermal zones and hwmon sensors under `sysRoot`; those that cannot be read are left out. */
export async function readTemperatures(sysRoot: string): Promise<readonly Temperature[]> {
  const found: Temperature[] = []
  const add = async (name: string, path: string) => {
    const text = await read(path)
    const celsius = Number(text) / 1000
    if (text === '' || !Number.isFinite(celsius) || found.length >= maxSensors) return
    found.push({ name, celsius: Math.round(celsius * 10) / 10 })
  }
  const zones = join(sysRoot, 'class/thermal')
  for (const zone of await names(zones, /^thermal_zone\d+$/)) {
    const type = await read(join(zones, zone, 'type'))
    await add(type || zone, join(zones, zone, 'temp'))
  }
  const chips = join(sysRoot, 'class/hwmon')
  for (const chip of await names(chips, /^hwmon\d+$/)) {
    const chipName = (await read(join(chips, chip, 'name'))) || chip
    for (const input of await names(join(chips, chip), /^temp\d+_input$/)) {
      const sensor = input.slice(0, -'_input'.length)
      const label = (await read(join(chips, chip, `${sensor}_label`))) || sensor
      await add(`${chipName} ${label}`, join(chips, chip, input))
    }
  }
  return found
}

async function names(directory: string, pattern: RegExp): Promise<string[]> {
  const entries = await readdir(directory).catch((): string[] => [])
  return entries.filter((entry) => pattern.test(entry)).sort()
}

async function read(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim()
}
