import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { SqliteBuffer } from '../../agent/buffer/sqlite-buffer.ts'
import { DeviceTime } from '../../agent/clock/device-time.ts'
import { Sender } from '../../agent/sender/sender.ts'
import { createTransport } from '../../agent/sender/transports/index.ts'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { systemRandom } from '../../shared/random.ts'
import { bufferOptions, never } from '../agent/buffer/setup.ts'
import { cleanUp } from '../support/cleanup.ts'
import { ManualBoot } from '../support/manual-boot.ts'
import { eventually, readAll, textOf } from '../support/programs.ts'
import { type Combination, Scenario } from '../support/scenario.ts'

/** The wall clock of a machine that believes that it is 1970 at first; all else is real. */
class WrongClock implements Clock {
  readonly #errorMs = Date.now()
  isSet = false

  wallMs(): number {
    return this.isSet ? Date.now() : Date.now() - this.#errorMs
  }

  monoMs(): number {
    return systemClock.monoMs()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal)
  }
}

const log = pino({ level: 'silent' })
const boot = new ManualBoot(systemClock)

/** A buffer of the device `pi` as of a start of the agent. */
async function startBuffer(
  t: TestContext,
  scenario: Scenario,
  device: Pick<Device, 'clock' | 'time'>
) {
  const options = { ...device, device: 'pi', random: systemRandom, log }
  const buffer = new SqliteBuffer(bufferOptions(scenario.path('agent'), options))
  cleanUp(t, () => buffer.stop(AbortSignal.abort()))
  await buffer.start(never)
  return buffer
}

interface Device {
  readonly clock: WrongClock
  readonly time: DeviceTime
  readonly buffer: SqliteBuffer
}

async function store({ buffer, clock }: Device, text: string, ownMs?: number): Promise<void> {
  const builder = new ColumnsBuilder({ partitionKey: 'k', time: ownMs ?? clock.wallMs() })
  builder.add(Buffer.from(text))
  const times = ownMs === undefined ? 'clock' : 'own'
  await buffer.append({ stream: 'telemetry', records: builder.build(), times, urgent: true })
}

async function startSender(
  t: TestContext,
  { buffer }: Device,
  { scenario, via }: { readonly scenario: Scenario; readonly via: Combination }
) {
  const url = new URL(via.startsWith('mqtt') ? scenario.mqttUrl : scenario.url)
  const format = via.endsWith('json') ? 'json' : 'cbor'
  const transport = createTransport(
    {
      url,
      device: 'pi',
      token: undefined,
      format,
      gzip: true,
      tls: { insecure: false },
      timeoutMs: 10_000
    },
    systemClock
  )
  const sender = new Sender({
    store: buffer,
    transport,
    clock: systemClock,
    random: systemRandom,
    log
  })
  cleanUp(t, () => sender.stop(AbortSignal.abort()))
  await sender.start()
}

for (const via of ['http-cbor', 'mqtt-json'] as const) {
  test(`${via}: what a machine stored in 1970 arrives with the right times once NTP has set its clock`, async (t) => {
    const scenario = await Scenario.create(t)
    await scenario.startGateway()
    const clock = new WrongClock()
    const time = new DeviceTime(clock, boot)
    const device = { clock, time, buffer: await startBuffer(t, scenario, { clock, time }) }
    const fromMs = Date.now()
    await store(device, 'in 1970')
    await store(device, 'of a file', Date.UTC(2025, 1, 1))
    clock.isSet = true
    time.trust('ntp')
    await store(device, 'with NTP')
    await startSender(t, device, { scenario, via })
    const records = await eventually('all records', async () => {
      const all = await readAll(scenario.url)
      return all.length === 3 ? all : undefined
    })
    const untilMs = Date.now()
    const read = records.map((record) => [textOf(record), record.clock])
    assert.deepEqual(read, [
      ['in 1970', undefined],
      ['of a file', 'unsynced'],
      ['with NTP', undefined]
    ])
    const [early, own, late] = records.map((record) => record.time)
    for (const at of [early, late]) assert.ok(at && at >= fromMs - 100 && at <= untilMs, String(at))
    assert.equal(own, Date.UTC(2025, 1, 1))
  })
}

test('a record of 1970 from a boot that never knew the time arrives as it was, and is flagged', async (t) => {
  const scenario = await Scenario.create(t)
  await scenario.startGateway()
  const clock = new WrongClock()
  const before = new DeviceTime(clock, new ManualBoot(systemClock, 'f'.repeat(32)))
  const first = {
    clock,
    time: before,
    buffer: await startBuffer(t, scenario, { clock, time: before })
  }
  await store(first, 'in 1970')
  await first.buffer.stop(never)
  clock.isSet = true
  const time = new DeviceTime(clock, boot)
  time.trust('ntp')
  const device = { clock, time, buffer: await startBuffer(t, scenario, { clock, time }) }
  await startSender(t, device, { scenario, via: 'http-cbor' })
  const [record] = await eventually('the record', async () => {
    const all = await readAll(scenario.url)
    return all.length === 1 ? all : undefined
  })
  assert.equal(record?.clock, 'unsynced')
  assert.ok(record.time < 1_000_000, String(record.time))
})
