import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Sensor, SensorFault } from './sensor.ts'
import { namesIn, numberOf, textOf } from './sysfs.ts'

const run = promisify(execFile)
const maxRunMs = 5000

/** What `vcgencmd get_throttled` of the Raspberry Pi reports, by bit. */
const conditions: ReadonlyMap<number, string> = new Map([
  [0, 'under-voltage'],
  [1, 'frequency-capped'],
  [2, 'throttled'],
  [3, 'soft-temperature-limit'],
  [16, 'under-voltage-occurred'],
  [17, 'frequency-capped-occurred'],
  [18, 'throttled-occurred'],
  [19, 'soft-temperature-limit-occurred']
])

/** Where the state is looked for. */
interface ThrottledOptions {
  readonly sysRoot: string
  /** The command that asks the firmware. */
  readonly vcgencmd: string
  /** All that its environment holds. */
  readonly env: Readonly<Record<string, string>>
}

/** In the kernels of Raspberry Pi. */
const firmwareFile = 'devices/platform/soc/soc:firmware/get_throttled'

/**
 * The state of a Raspberry Pi's power and temperature: from `vcgencmd`, else the under-voltage alarm
 * of hwmon, else the firmware's file. None on other machines.
 */
export async function findThrottled(options: ThrottledOptions): Promise<Sensor[]> {
  const { sysRoot } = options
  const found = (read: () => Promise<number>): Sensor[] => [
    { id: 'rpi/throttled', kind: 'throttled', read: async () => measurement(await read()) }
  ]
  const ask = () => askFirmware(options)
  if (await works(ask)) return found(ask)
  const alarm = await findAlarm(sysRoot)
  if (alarm !== undefined) return found(() => numberOf(alarm))
  // Last: the first time it is read, newer kernels write a warning with a trace to their log.
  const file = async () => parse(await readFile(join(sysRoot, firmwareFile), 'utf8'))
  return (await works(file)) ? found(file) : []
}

/** Set (1) while the voltage is too low, looked at by the driver every two seconds: bit 0. */
async function findAlarm(sysRoot: string): Promise<string | undefined> {
  const chips = join(sysRoot, 'class/hwmon')
  for (const chip of await namesIn(chips, /^hwmon\d+$/)) {
    const name = await textOf(join(chips, chip, 'name'))
    if (name === 'rpi_volt') return join(chips, chip, 'in0_lcrit_alarm')
  }
  return undefined
}

async function askFirmware({ vcgencmd, env }: ThrottledOptions): Promise<number> {
  const bounds = { timeout: maxRunMs, maxBuffer: 4096 }
  const { stdout } = await run(vcgencmd, ['get_throttled'], { ...bounds, env })
  return parse(stdout)
}

/** `throttled=0x50005`, or the digits alone. */
function parse(text: string): number {
  const digits = /^(?:throttled=)?(?:0x)?([0-9a-f]{1,8})$/.exec(text.trim())?.[1]
  if (digits !== undefined) return Number.parseInt(digits, 16)
  throw new SensorFault('not_a_number', `not the state of the firmware: ${JSON.stringify(text)}`)
}

function measurement(value: number) {
  // A shift by 16 and more stays within 32 bits.
  const flags = [...conditions].filter(([bit]) => (value >>> bit) & 1).map(([, name]) => name)
  return { value, flags }
}

async function works(read: () => Promise<number>): Promise<boolean> {
  return read().then(
    () => true,
    () => false
  )
}
