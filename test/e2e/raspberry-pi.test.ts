import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { FakeSysfs, slave } from '../agent/sources/sensors/fake-sysfs.ts'
import { dayMs, fixesPerDay, NmeaTrack } from '../support/nmea-track.ts'
import { eventually, Program, type ReadRecord, readAll, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const oneWire = 'bus/w1/devices/28-0316a2795fff'
const thermometer = { [`${oneWire}/w1_slave`]: slave('50 01 4b 46 7f ff 0c 10 af', 'YES', 21_062) }
const [cpu, power, w1] = ['thermal/cpu-thermal', 'rpi/throttled', 'w1/28-0316a2795fff']
const board = {
  'class/thermal/thermal_zone0/type': 'cpu-thermal\n',
  'class/thermal/thermal_zone0/temp': '48312\n',
  'class/hwmon/hwmon0/name': 'rpi_volt\n',
  'class/hwmon/hwmon0/in0_lcrit_alarm': '0\n'
}

function assertAscending(numbers: readonly number[], what: string): void {
  const at = numbers.findIndex((number, i) => i > 0 && number <= (numbers[i - 1] ?? 0))
  assert.equal(at, -1, `${what}: ${numbers[at]} comes behind ${numbers[at - 1]}`)
}

const identity = ({ epoch, seq }: Pick<ReadRecord, 'epoch' | 'seq'>) => `${epoch}/${seq}`

/** What an agent command prints, in the data directory of `device-1`. */
async function ask(t: TestContext, scenario: Scenario, args: readonly string[]): Promise<string> {
  const place = ['--data-dir', scenario.path('agent-device-1')]
  const program = new Program(t, 'agent', { args: [...args, ...place] })
  program.start()
  assert.equal(await program.exit(), 0, program.output)
  return program.output
}

/** The records of a stream that are in the buffer, those that the disk holds and no others. */
async function committed(t: TestContext, scenario: Scenario, stream: string) {
  const args = ['buffer', 'peek', '--stream', stream, '--limit', '10000']
  const lines = (await ask(t, scenario, args)).trim().split('\n')
  return lines.map((line): ReadRecord => JSON.parse(line))
}

/** Waits until readings are committed of which this is true. */
async function readingsWith(
  { t, scenario }: { readonly t: TestContext; readonly scenario: Scenario },
  what: (readings: readonly ReadRecord[]) => boolean
): Promise<readonly ReadRecord[]> {
  return eventually(`readings with ${String(what)}`, async () => {
    const readings = await committed(t, scenario, 'readings')
    return what(readings) ? readings : undefined
  })
}

/** How many problems a source of the running agent has counted. */
async function problemsOf(t: TestContext, scenario: Scenario, source: string): Promise<number> {
  const { sources } = JSON.parse(await ask(t, scenario, ['top', '--json', '--interval', '100ms']))
  return sources.find((one: { source: string }) => one.source === source).problems
}

function epochsOf(readings: readonly ReadRecord[]): ReadonlySet<string | undefined> {
  return new Set(readings.map(({ epoch }) => epoch))
}

function sensorsOf(readings: readonly ReadRecord[]): string[] {
  const ids = readings.map((one) => String(JSON.parse(textOf(one)).sensor))
  return [...new Set(ids)].sort()
}

const gatewayArgs = ['positions', 'readings', 'host', 'logs'].flatMap((one) => [
  '--stream',
  `${one}:1`
])

const config = (scenario: Scenario, sysRoot: string) => `
sources:
  position: { gps: 'file:${scenario.path('track.nmea')}', stream: positions }
  board: { sensors: 500ms, sysRoot: ${sysRoot}, vcgencmd: /no/such/command, stream: readings }
  host: { metrics: 1s, stream: host }
  logs: { tail: '${scenario.path('log')}/*.log', from: start, stream: logs }
streams: { positions: { order: newest-first, backlogAfter: 2s } }
buffer: { commitAge: 50ms, cap: 4 MiB, segment: 64 KiB }
sender: { window: { frames: 1 }, backoff: { first: 100ms, max: 300ms } }
`

/** A board that drives along, one day of which has arrived, and its gateway. */
async function setup(t: TestContext) {
  const scenario = await Scenario.create(t)
  const gateway = await scenario.startGateway(gatewayArgs)
  const sysfs = await FakeSysfs.create(t)
  await sysfs.write({ ...board, ...thermometer })
  // What cannot be read as a file stands in nobody's way.
  await mkdir(scenario.path('log/broken.log'), { recursive: true })
  await scenario.file('log/good.log', numberedLines(10))
  const file = await scenario.file('agent.yaml', config(scenario, sysfs.root))
  const agent = scenario.agent(['--config', file])
  agent.start()
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 9 * dayMs
  const track = new NmeaTrack(scenario.path('track.nmea'), startMs)
  await track.drive(fixesPerDay)
  await eventually('the fixes of the first day', async () => {
    const { length } = await readAll(scenario.url, 'positions')
    return length >= fixesPerDay - 1 || undefined
  })
  return { scenario, gateway, agent, sysfs, track }
}

/**
 * A week without a gateway: four days, a bad patch, a reboot that takes the fifth, two more days. The
 * thermometer is pulled out on the second and back after the reboot. Gives the readings that were
 * committed before the reboot, and at the end of the week.
 */
async function week(t: TestContext, { scenario, agent, sysfs, track }: Setup) {
  const days = async (count: number) => {
    for (let day = 0; day < count; day++) {
      await track.drive(fixesPerDay)
      await delay(1200)
    }
  }
  await days(2)
  await readingsWith({ t, scenario }, (readings) => readings.length >= 3)
  await sysfs.remove(oneWire)
  await days(2)
  await track.driveBadly()
  await eventually('3 problems of the receiver', async () => {
    const problems = await problemsOf(t, scenario, 'position')
    return problems >= 3 || undefined
  })
  const beforeReboot = await readingsWith(
    { t, scenario },
    (readings) => !sensorsOf(readings.slice(-3)).includes(w1)
  )
  await agent.kill()
  await sysfs.write(thermometer)
  await track.drive(fixesPerDay)
  agent.start()
  await days(2)
  const lives = epochsOf(beforeReboot)
  const held = await readingsWith(
    { t, scenario },
    (readings) => readings.filter(({ epoch }) => !lives.has(epoch)).length >= 3
  )
  return { beforeReboot, held }
}

type Setup = Awaited<ReturnType<typeof setup>>

test('after a week without a link, with a reboot in it, the newest fix comes first, and all of them once', async (t) => {
  const pi = await setup(t)
  const { scenario, gateway, track } = pi
  const positions = () => readAll(scenario.url, 'positions')
  await gateway.kill()
  const atOutage = track.count
  const { beforeReboot, held } = await week(t, pi)
  const atReturn = track.count
  gateway.start()
  await eventually('a fix of after the return', async () => {
    await track.drive(1)
    return (await positions()).some((one) => track.numberOf(one) > atReturn) || undefined
  })
  const read = await eventually('all fixes', async () => {
    const records = await positions()
    return records.length >= track.count ? records : undefined
  })

  const fixes = read.map((one) => track.numberOf(one))
  const sorted = fixes.toSorted((a, b) => a - b)
  assert.deepEqual(sorted, [...sorted.keys()])
  assert.ok(read.every(({ clock }) => clock === undefined))
  const backlog = fixes.filter((_, i) => read[i]?.lane === 'backlog')
  assertAscending(backlog, 'backlog')
  assertAscending(
    fixes.filter((_, i) => read[i]?.lane === undefined),
    'live'
  )
  const lastDay = atReturn - fixesPerDay
  const newest = fixes.findIndex((fix, i) => fix >= lastDay && read[i]?.lane === undefined)
  // What was sent first in the outage comes first, a frame in each life of the agent.
  const ahead = newest - atOutage
  t.diagnostic(`${ahead} fixes ahead of the newest day, ${backlog.length} in the backlog`)
  assert.ok(ahead <= 3 * fixesPerDay, `${ahead} fixes ahead of the newest day`)
  assert.ok(backlog.length >= 3 * fixesPerDay, `${backlog.length} in the backlog`)

  assertReadings(beforeReboot, held)
  const readings = await readAll(scenario.url, 'readings')
  const texts = new Map(readings.map((one) => [identity(one), textOf(one)]))
  assert.equal(texts.size, readings.length)
  for (const one of [...beforeReboot, ...held]) {
    assert.equal(texts.get(identity(one)), textOf(one), `${identity(one)} was committed`)
  }
  const logged = await readAll(scenario.url, 'logs')
  assert.deepEqual(logged.map(textOf), numberedLines(10).trim().split('\n'))
})

/** The thermometer is missed from when it was pulled out until the reboot, the others never. */
function assertReadings(beforeReboot: readonly ReadRecord[], held: readonly ReadRecord[]): void {
  const lives = epochsOf(beforeReboot)
  const afterReboot = held.filter(({ epoch }) => !lives.has(epoch))
  assert.deepEqual(sensorsOf(beforeReboot.slice(0, 3)), [cpu, power, w1].sort())
  assert.deepEqual(sensorsOf(beforeReboot.slice(-3)), [cpu, power].sort())
  assert.deepEqual(sensorsOf(afterReboot.slice(0, 3)), [cpu, power, w1].sort())
}
