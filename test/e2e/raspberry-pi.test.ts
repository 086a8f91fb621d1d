import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { FakeSysfs, slave } from '../agent/sources/sensors/fake-sysfs.ts'
import { gga, rmc, sentence } from '../support/nmea-sentences.ts'
import { eventually, Program, type ReadRecord, readAll, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

const dayMs = 24 * 3_600_000
const fixesPerDay = 144
const fixEveryMs = dayMs / fixesPerDay

const oneWire = 'bus/w1/devices/28-0316a2795fff'
const thermometer = { [`${oneWire}/w1_slave`]: slave('50 01 4b 46 7f ff 0c 10 af', 'YES', 21_062) }
const [cpu, power, w1] = ['thermal/cpu-thermal', 'rpi/throttled', 'w1/28-0316a2795fff']
const board = {
  'class/thermal/thermal_zone0/type': 'cpu-thermal\n',
  'class/thermal/thermal_zone0/temp': '48312\n',
  'class/hwmon/hwmon0/name': 'rpi_volt\n',
  'class/hwmon/hwmon0/in0_lcrit_alarm': '0\n'
}

/** A file of NMEA that grows by one fix for every ten minutes of the road. */
class Track {
  readonly path: string
  readonly #startMs: number
  count = 0

  constructor(path: string, startMs: number) {
    this.path = path
    this.#startMs = startMs
  }

  timeOf(number: number): number {
    return this.#startMs + number * fixEveryMs
  }

  async drive(fixes: number): Promise<void> {
    let text = ''
    for (let i = 0; i < fixes; i++) text += this.#next()
    await appendFile(this.path, text)
  }

  /** Rubbish, wrong checksums, no position, and a sentence in two writes with a pause between. */
  async driveBadly(): Promise<void> {
    const spot = { time: this.timeOf(this.count), north: 10 }
    await appendFile(this.path, Buffer.from([0, 255, 13, 10, 36, 36, 200, 10]))
    await appendFile(this.path, rmc(spot).replace(/\*..\r/, '*00\r'))
    await appendFile(this.path, sentence('GPRMC,120000.00,V,,,,,,,010126,,,N'))
    const next = this.#next()
    await appendFile(this.path, next.slice(0, 30))
    await delay(1100)
    await appendFile(this.path, next.slice(30))
  }

  #next(): string {
    const spot = { time: this.timeOf(this.count), north: 7 + this.count / 1000 }
    this.count += 1
    return rmc(spot) + gga(spot)
  }
}

/** The number of the fix that a record holds, by its time; its place must be that of this number. */
function fixOf(record: ReadRecord, track: Track): number {
  const number = (record.time - track.timeOf(0)) / fixEveryMs
  assert.ok(Number.isInteger(number), `a fix of ${new Date(record.time).toISOString()}`)
  const { lat } = JSON.parse(textOf(record))
  assert.ok(Math.abs(lat - (48 + (7 + number / 1000) / 60)) < 1e-6, `fix ${number} at ${lat}`)
  return number
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

/** How many problems a source of the running agent has counted. */
async function problemsOf(t: TestContext, scenario: Scenario, source: string): Promise<number> {
  const { sources } = JSON.parse(await ask(t, scenario, ['top', '--json', '--interval', '100ms']))
  return sources.find((one: { source: string }) => one.source === source).problems
}

interface Loss {
  readonly stream: string
  readonly records: number
}

function sensorsOf(readings: readonly ReadRecord[]): string[] {
  const ids = readings.map((one) => String(JSON.parse(textOf(one)).sensor))
  return [...new Set(ids)].sort()
}

/** Without the `-shm` files, 32 KiB beside each open segment, which no cap counts. */
async function bytesIn(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('-shm'))
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size)
  )
  return sizes.reduce((sum, size) => sum + size, 0)
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
sender: { window: { frames: 2 }, backoff: { first: 100ms, max: 300ms } }
`

test('after a week without a link, with a reboot in it, the newest fix comes first, and all of them once', async (t) => {
  const scenario = await Scenario.create(t)
  const gateway = await scenario.startGateway(gatewayArgs)
  const sysfs = await FakeSysfs.create(t)
  await sysfs.write({ ...board, ...thermometer })
  // What cannot be read as a file stands in nobody's way.
  await mkdir(scenario.path('log/broken.log'), { recursive: true })
  await scenario.file('log/good.log', numberedLines(10))
  const agent = scenario.agent([
    '--config',
    await scenario.file('agent.yaml', config(scenario, sysfs.root))
  ])
  agent.start()
  const nowMs = Math.floor(Date.now() / 1000) * 1000
  const track = new Track(scenario.path('track.nmea'), nowMs - 9 * dayMs)
  await track.drive(fixesPerDay)
  const positions = () => readAll(scenario.url, 'positions')
  await eventually(
    'the fixes of the first day',
    async () => (await positions()).length >= fixesPerDay - 1 || undefined
  )

  await gateway.kill()
  const beforeOutage = track.count
  for (let day = 1; day <= 4; day++) {
    await track.drive(fixesPerDay)
    await delay(1200)
    if (day === 2) await sysfs.remove(oneWire)
  }
  await track.driveBadly()
  const problems = await problemsOf(t, scenario, 'position')
  assert.ok(problems >= 3, `${problems} problems of the receiver`)
  const beforeReboot = await committed(t, scenario, 'readings')
  await agent.kill()
  await sysfs.write(thermometer)
  await track.drive(fixesPerDay)
  agent.start()
  for (let day = 6; day <= 7; day++) {
    await track.drive(fixesPerDay)
    await delay(1200)
  }
  const afterReboot = (await committed(t, scenario, 'readings')).slice(beforeReboot.length)
  assert.deepEqual(sensorsOf(beforeReboot.slice(0, 3)), [cpu, power, w1].sort())
  assert.deepEqual(sensorsOf(beforeReboot.slice(-3)), [cpu, power].sort())
  assert.deepEqual(sensorsOf(afterReboot.slice(0, 3)), [cpu, power, w1].sort())

  const atReturn = track.count
  gateway.start()
  await eventually('a fix of after the return', async () => {
    await track.drive(1)
    return (await positions()).some((record) => fixOf(record, track) > atReturn) || undefined
  })
  const read = await eventually('all fixes', async () => {
    const records = await positions()
    return records.length >= track.count ? records : undefined
  })

  const fixes = read.map((record) => fixOf(record, track))
  assert.deepEqual(
    fixes.toSorted((a, b) => a - b),
    Array.from(fixes, (_, i) => i)
  )
  assert.ok(read.every(({ clock }) => clock === undefined))
  const backlog = read.filter(({ lane }) => lane === 'backlog').map((one) => fixOf(one, track))
  const live = read.filter(({ lane }) => lane === undefined).map((one) => fixOf(one, track))
  assertAscending(live, 'live')
  assertAscending(backlog, 'backlog')
  const newest = read.findIndex(
    (record) => record.lane === undefined && fixOf(record, track) >= atReturn - fixesPerDay
  )
  // What was under way when the link went, a window of two frames, was sent before anything else.
  const days = `${(newest - beforeOutage) / fixesPerDay} days before the newest, ${backlog.length / fixesPerDay} in the backlog`
  t.diagnostic(days)
  assert.ok(newest - beforeOutage <= 2 * fixesPerDay + 10, days)
  assert.ok(backlog.length >= 4 * fixesPerDay, days)

  const readings = await readAll(scenario.url, 'readings')
  const texts = new Map(readings.map((one) => [identity(one), textOf(one)]))
  assert.equal(texts.size, readings.length)
  for (const one of [...beforeReboot, ...afterReboot]) {
    assert.equal(texts.get(identity(one)), textOf(one), `${identity(one)} was committed`)
  }
  const logged = await readAll(scenario.url, 'logs')
  assert.deepEqual(logged.map(textOf), numberedLines(10).trim().split('\n'))
})

test('a buffer that is full stays below its cap: fixes wait in their file, lines that had to go are counted', async (t) => {
  const scenario = await Scenario.create(t)
  const track = new Track(scenario.path('track.nmea'), Date.UTC(2026, 0))
  await track.drive(20_000)
  const lines = 60_000
  const log = await scenario.file('app.log', numberedLines(lines))
  const file = `
sources:
  position: { gps: 'file:${track.path}', stream: positions }
  logs: { tail: ${log}, from: start, stream: logs }
streams: { positions: { overflow: block, order: newest-first }, logs: { overflow: drop-oldest } }
buffer: { cap: 2 MiB, segment: 64 KiB, frame: 16 KiB, commitAge: 50ms }
sender: { backoff: { first: 100ms, max: 300ms } }
`
  const agent = scenario.agent(['--config', await scenario.file('agent.yaml', file)])
  agent.start()
  const lossOf = async () => {
    const { lost } = JSON.parse(await ask(t, scenario, ['buffer', 'ls', '--json']))
    return new Map<string, number>(lost.map((one: Loss) => [one.stream, one.records]))
  }
  const segments = scenario.path('agent-device-1/segments')
  let most = 0
  const full = async () => {
    most = Math.max(most, await bytesIn(segments))
    return most
  }
  await eventually('a loss', async () => (await full(), (await lossOf()).get('logs')))
  for (let i = 0; i < 20; i++, await delay(100)) await full()
  t.diagnostic(`${most} bytes at most, ${(await lossOf()).get('logs')} lines lost`)
  assert.ok(most > 1024 ** 2 && most <= 2 * 1024 ** 2, `${most} bytes of 2 MiB`)

  await scenario.startGateway(gatewayArgs)
  const fixes = await eventually('all fixes', async () => {
    const records = await readAll(scenario.url, 'positions')
    return records.length >= track.count - 1 ? records : undefined
  })
  const numbers = fixes.map((record) => fixOf(record, track)).sort((a, b) => a - b)
  assert.deepEqual(numbers, [...numbers.keys()])
  const read = await eventually('the other lines', async () => {
    const records = await readAll(scenario.url, 'logs')
    const notices = records.filter(({ attributes }) => attributes?.type === 'headwater.loss')
    const lost = (await lossOf()).get('logs') ?? 0
    return records.length - notices.length + lost >= lines ? { records, notices, lost } : undefined
  })
  const { records, notices, lost } = read
  const numbered = records.filter((record) => !notices.includes(record))
  assert.equal(numbered.length + lost, lines)
  assert.deepEqual(numbered.slice(-1).map(textOf), [numberedLines(1, lines).trim()])
  assert.equal(new Set(numbered.map(textOf)).size, numbered.length)
  const told = notices.map((notice) => JSON.parse(textOf(notice)).total)
  assert.equal(told.at(-1), lost, 'the stream says how many')
})

test('a configuration with many mistakes: check names each with its line and what to write', async (t) => {
  const scenario = await Scenario.create(t)
  const file = await scenario.file('agent.yaml', mistakes.map(([line]) => `${line}\n`).join(''))
  const program = new Program(t, 'agent', { args: ['check', '--config', file] })
  program.start()
  assert.equal(await program.exit(), 2)
  const said = program.output.trim().split('\n')
  const wanted = mistakes.flatMap(([, what], i) => (what ? [{ line: i + 1, what }] : []))
  assert.equal(said.length, wanted.length, program.output)
  for (const [i, { line, what }] of wanted.entries()) {
    assert.ok(said[i]?.startsWith(`${file}:${line}:`), said[i])
    assert.match(said[i] ?? '', what)
  }
})

/** Lines of a configuration, each with what is to be said of it. */
const mistakes: readonly (readonly [line: string, said?: RegExp])[] = [
  ['devise: pi-kitchen', /devise: unknown key; did you mean "device"\?/],
  ['to: gateway.example:8080', /to: must be a URL of http, .* as in http:/],
  ['sources:'],
  ['  board: { sensors: often }', /board\.sensors: "often" is not a duration: .* as in "60s"/],
  ['  log: { tail: /var/log/*.log, frm: start }', /log\.frm: unknown key; did you mean "from"\?/],
  ['  host: { metrix: 60s }', /sources\.host: .* did you mean "metrics" by "metrix"\?/],
  ['  position:'],
  ['    gps: usb', /position\.gps: "usb" is no receiver: write gpsd, /],
  ['    baud: -1', /position\.baud: must be from 50 to 4000000/],
  ["    transforms: [{ filter: 'speed >' }]", /transforms\[0\]\.filter: .* in "speed >"/],
  ['streams:'],
  ['  positions: { order: newest_first }', /order: must be oldest-first or newest-first/],
  ['buffer: { cap: 200 elephants }', /buffer\.cap: must be auto, a share .* "256 MiB"/],
  ['sender: { window: { frames: 100 } }', /sender\.window\.frames: must be from 1 to 64/],
  ['log: { level: loud }', /log\.level: must be debug or info or warn/]
]
