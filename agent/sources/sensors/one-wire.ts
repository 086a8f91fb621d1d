import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Measurement, type Sensor, SensorFault, scaled } from './sensor.ts'
import { namesIn } from './sysfs.ts'

/** Families of thermometers: DS18S20, DS1822, DS18B20, DS1825, DS28EA00 (w1_therm of Linux). */
const thermometer = /^(10|22|28|3b|42)-[0-9a-f]{12}$/

/** What a thermometer holds before its first conversion: 85 °C. */
const powerOnMilliCelsius = 85_000

/** The thermometers on all 1-wire buses. A reading takes up to 750 ms, 1.5 s with a retry. */
export async function findOneWire(sysRoot: string): Promise<Sensor[]> {
  const devices = join(sysRoot, 'bus/w1/devices')
  const names = await namesIn(devices, thermometer)
  return names.map((name) => ({
    id: `w1/${name}`,
    kind: 'temperature',
    unit: 'Cel',
    read: () => measure(join(devices, name))
  }))
}

async function measure(folder: string): Promise<Measurement> {
  const text = await readFile(join(folder, 'w1_slave'), 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  const milliCelsius =
    text === undefined
      ? parseTemperature(await readFile(join(folder, 'temperature'), 'utf8'))
      : parseSlave(text)
  return { value: scaled(milliCelsius, 1e-3) }
}

/**
 * `w1_slave`: the nine bytes of the scratchpad, whether their checksum holds, and millidegrees.
 *
 *     50 05 4b 46 7f ff 0c 10 1c : crc=1c YES
 *     50 05 4b 46 7f ff 0c 10 1c t=85000
 */
function parseSlave(text: string): number {
  const [first = '', second = ''] = text.split('\n')
  if (!first.trimEnd().endsWith('YES')) {
    throw new SensorFault('crc_mismatch', `the checksum of the reading is wrong: ${first}`)
  }
  const value = /t=(-?\d+)$/.exec(second.trimEnd())?.[1]
  if (value === undefined) throw new SensorFault('not_a_number', `no temperature in: ${second}`)
  // Byte 6 counts what is left of a degree; the value it has at power-on tells 85 °C from no reading.
  const unconverted = first.split(' ')[6] === '0c'
  if (Number(value) === powerOnMilliCelsius && unconverted) throw notConverted()
  return Number(value)
}

/** `temperature`: millidegrees alone; empty while a conversion that others began is under way. */
function parseTemperature(text: string): number {
  const value = text.trim()
  if (!/^-?\d+$/.test(value)) {
    throw new SensorFault('not_a_number', `not a temperature: ${JSON.stringify(value)}`)
  }
  if (Number(value) === powerOnMilliCelsius) throw notConverted()
  return Number(value)
}

function notConverted(): SensorFault {
  return new SensorFault(
    'not_converted',
    '85 °C is what the thermometer holds before it has measured; look at its power supply'
  )
}
