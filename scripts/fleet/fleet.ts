import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '../../shared/clock.ts'
import { createLog } from '../../shared/log.ts'
import { systemRandom } from '../../shared/random.ts'
import { accountOf } from './account.ts'
import { Vehicle } from './vehicle.ts'

const options = {
  vehicles: { type: 'string', default: '10000' },
  seconds: { type: 'string', default: '60' },
  every: { type: 'string', default: '10' },
  up: { type: 'string', default: '30' },
  down: { type: 'string', default: '5' },
  drain: { type: 'string', default: '120' },
  stream: { type: 'string', default: 'positions' },
  to: { type: 'string', default: 'mqtt://127.0.0.1:1883' },
  read: { type: 'string' }
} as const

const help = `A fleet of simulated vehicles: the agent's own sender, each with its connection and its buffer.

  --to URL        gateway (mqtt://127.0.0.1:1883)        --stream NAME   (positions)
  --vehicles N    (10000)                                --every S       seconds between fixes of one (10)
  --seconds S     how long they drive (60)               --drain S       most that they wait for the last Ack (120)
  --up S --down S how long a link is up and down on average (30, 5); --up 0: always up
  --read URL      then read the stream over HTTP and say whether every fix is there once and in order
`

/** Ticks a second: the fixes of the fleet are spread over them. */
const ticksPerSecond = 10

/** Runs the fleet that the arguments describe; the exit code comes back. */
async function fleet(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(help)
    return 0
  }
  const { values } = parseArgs({ args: [...args], options })
  const upMs = Number(values.up) * 1000
  const flapping = upMs > 0 ? { upMs, downMs: Number(values.down) * 1000 } : undefined
  const log = createLog('fleet', 'silent')
  const vehicles = Array.from({ length: Number(values.vehicles) }, (_, i) => {
    const device = `vehicle-${String(i + 1).padStart(5, '0')}`
    const gateway = new URL(values.to)
    const shared = { stream: values.stream, clock: systemClock, random: systemRandom, log }
    return [device, new Vehicle({ device, gateway, flapping, ...shared })] as const
  })
  for (const [, vehicle] of vehicles) await vehicle.start()
  await drive(
    vehicles.map(([, vehicle]) => vehicle),
    Number(values.seconds),
    Number(values.every)
  )
  for (const [, vehicle] of vehicles) vehicle.steady()
  const drainedMs = await drained(
    vehicles.map(([, vehicle]) => vehicle),
    Number(values.drain) * 1000
  )
  const sum = (part: (vehicle: Vehicle) => number) =>
    vehicles.reduce((total, [, vehicle]) => total + part(vehicle), 0)
  const report = {
    vehicles: vehicles.length,
    fixes: sum((vehicle) => vehicle.fixes),
    cuts: sum((vehicle) => vehicle.cuts),
    retries: sum((vehicle) => vehicle.retries),
    waiting: sum((vehicle) => (vehicle.drained ? 0 : 1)),
    drainedMs
  }
  await Promise.all(vehicles.map(([, vehicle]) => vehicle.stop()))
  const made = new Map(vehicles.map(([device, vehicle]) => [device, vehicle.fixes]))
  const account = values.read && (await accountOf(new URL(values.read), values.stream, made))
  process.stdout.write(`${JSON.stringify({ ...report, ...(account ? { account } : {}) })}\n`)
  const whole = !account || account.missing + account.repeated + account.outOfOrder === 0
  return report.waiting === 0 && whole ? 0 : 1
}

/** Each vehicle makes a fix every `everySeconds`, spread evenly over the fleet. */
async function drive(
  vehicles: readonly Vehicle[],
  seconds: number,
  everySeconds: number
): Promise<void> {
  const turns = Math.max(1, Math.round(everySeconds * ticksPerSecond))
  const begun = performance.now()
  for (let tick = 0; tick < seconds * ticksPerSecond; tick++) {
    for (let i = tick % turns; i < vehicles.length; i += turns) vehicles[i]?.fix()
    await delay(Math.max(0, begun + ((tick + 1) * 1000) / ticksPerSecond - performance.now()))
    // A line every ten seconds, for whoever watches and for tests that wait for the fleet to be there.
    if (tick % (10 * ticksPerSecond) === 0)
      process.stderr.write(`driving ${tick / ticksPerSecond} s\n`)
  }
}

/** Milliseconds until all is acknowledged, at most `limitMs`. */
async function drained(vehicles: readonly Vehicle[], limitMs: number): Promise<number> {
  const begun = performance.now()
  while (performance.now() - begun < limitMs && vehicles.some((vehicle) => !vehicle.drained)) {
    await delay(100)
  }
  return Math.round(performance.now() - begun)
}

process.exit(await fleet(process.argv.slice(2)))
