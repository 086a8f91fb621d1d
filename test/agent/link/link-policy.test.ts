import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Calendar } from '../../../agent/link/calendar.ts'
import { LinkPolicy, type LinkPolicyOptions } from '../../../agent/link/link-policy.ts'
import { Metering } from '../../../agent/link/metering.ts'
import { parseQuietHours } from '../../../agent/link/quiet-hours.ts'
import { UsageLedger } from '../../../agent/link/usage-ledger.ts'
import { Sender } from '../../../agent/sender/sender.ts'
import { createLog } from '../../../shared/log.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { MemoryFrameStore } from '../../support/memory-frame-store.ts'
import { frameOf } from '../../support/stored-frames.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { FakeTransport } from '../sender/fake-transport.ts'
import { middle } from '../sender/setup.ts'

const log = createLog('test', 'silent')
const hourMs = 3_600_000
/** A batch of one record without bytes of its own on a socket: four headers. */
const batchBytes = 208

/** A sender over fakes behind a policy, at this time of day; stream `alarm` is of high priority. */
async function setup(t: TestContext, time: string, options: Partial<LinkPolicyOptions> = {}) {
  const clock = new ManualClock(Date.parse(`2026-11-21T${time}Z`))
  const calendar = new Calendar('UTC')
  const ledger = new UsageLedger({ path: undefined, aheadBytes: 1, calendar, clock, log })
  const policy = new LinkPolicy({
    budget: { day: undefined, month: undefined, reserve: 0, counts: 'all' },
    quietHours: [],
    rulesOf: (stream) => ({
      priority: stream === 'alarm' ? 'high' : 'normal',
      wait: stream === 'bulk' ? 'unmetered' : 'never'
    }),
    metering: undefined,
    ledger,
    clock,
    log,
    ...options
  })
  const store = new MemoryFrameStore()
  const fake = new FakeTransport()
  fake.bytesMoved = () => 0
  fake.script = () => ({})
  const transport = policy.counted(fake)
  const sender = new Sender({
    store,
    transport,
    clock,
    random: middle,
    log,
    stallMs: 1e12,
    gate: policy
  })
  t.after(async () => {
    await sender.stop(AbortSignal.abort())
    await policy.stop()
  })
  await policy.start()
  await sender.start()
  const firsts = new Map<string, number>()
  const add = async (stream: string, count: number): Promise<void> => {
    const first = firsts.get(stream) ?? 1
    firsts.set(stream, first + count)
    const frames = Array.from({ length: count }, (_, i) =>
      frameOf(['x'], { stream, first: first + i })
    )
    store.add(...frames)
    await settle(20)
  }
  const sent = (stream: string): number =>
    fake.sent.filter(({ header }) => header.stream === stream).length
  return { policy, clock, fake, add, sent, ledger }
}

const budget = { day: 10 * batchBytes, month: undefined, reserve: 0.2, counts: 'all' } as const

test('a day’s budget stops normal streams at the reserve and all at its end, until the next day', async (t) => {
  const { policy, clock, add, sent } = await setup(t, '23:00', { budget })
  await add('logs', 20)
  assert.equal(sent('logs'), 8)
  await add('alarm', 20)
  assert.deepEqual([sent('logs'), sent('alarm')], [8, 2])
  assert.deepEqual(policy.stats().held, [
    { stream: 'logs', reason: 'budget' },
    { stream: 'alarm', reason: 'budget' }
  ])
  const [day, month] = policy.stats().periods
  assert.deepEqual(day, { period: 'day', usedBytes: 2080, limitBytes: 2080, leftBytes: 0 })
  assert.deepEqual(month, { period: 'month', usedBytes: 2080 })
  await clock.advance(hourMs - 1)
  assert.deepEqual([sent('logs'), sent('alarm')], [8, 2])
  await clock.advance(2000)
  assert.equal(sent('logs') + sent('alarm'), 20)
})

test('a month’s budget lasts over its days', async (t) => {
  const { clock, add, sent } = await setup(t, '12:00', {
    budget: { ...budget, day: undefined, month: 5 * batchBytes, reserve: 0 }
  })
  await add('logs', 8)
  await clock.advance(9 * 24 * hourMs)
  assert.equal(sent('logs'), 5)
  await clock.advance(24 * hourMs)
  assert.equal(sent('logs'), 8)
})

test('a batch that is larger than the budget goes, and nothing after it', async (t) => {
  const { add, sent } = await setup(t, '12:00', { budget: { ...budget, day: 1, reserve: 0 } })
  await add('logs', 3)
  assert.equal(sent('logs'), 1)
})

test('batches that are under way count before their bytes have moved', async (t) => {
  const { fake, add, policy } = await setup(t, '12:00', {
    budget: { ...budget, day: 300, reserve: 0 }
  })
  fake.script = undefined
  await add('logs', 8)
  const inFlight = fake.pending.length
  const bytes = fake.pending.reduce((sum, { frame }) => sum + frame.body.length, 0)
  const [one] = fake.pending
  assert.ok(inFlight < 8 && bytes - (one?.frame.body.length ?? 0) < 300, `${inFlight}`)
  assert.equal(policy.stats().held[0]?.reason, 'budget')
})

test('in quiet hours only streams of high priority are sent, the others when they are over', async (t) => {
  const quietHours = [parseQuietHours('22:00-06:00')]
  const { policy, clock, add, sent } = await setup(t, '21:59', { quietHours })
  await add('logs', 1)
  assert.equal(sent('logs'), 1)
  await clock.advance(60_000)
  await add('logs', 3)
  await add('alarm', 3)
  assert.deepEqual([sent('logs'), sent('alarm')], [1, 3])
  assert.deepEqual(policy.stats().held, [{ stream: 'logs', reason: 'quiet-hours' }])
  await clock.advance(8 * hourMs - 1)
  assert.equal(sent('logs'), 1)
  await clock.advance(2000)
  assert.equal(sent('logs'), 4)
  assert.deepEqual(policy.stats().held, [])
})

test('a stream that waits for an unmetered link goes when there is one, the others before', async (t) => {
  const procRoot = await tempDir(t)
  const route = (name: string): Promise<void> =>
    writeFile(
      join(procRoot, 'net/route'),
      `Iface\n${name}\t00000000\t00000000\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`
    )
  await mkdir(join(procRoot, 'net'))
  await route('wwan0')
  const clock = new ManualClock(Date.parse('2026-11-21T12:00Z'))
  const mode = { interfaces: ['wwan*'] }
  const metering = new Metering({ mode, clock, procRoot })
  const world = await setup(t, '12:00', { metering })
  await world.add('bulk', 2)
  await world.add('logs', 2)
  assert.deepEqual([world.sent('bulk'), world.sent('logs')], [0, 2])
  assert.deepEqual(world.policy.stats().held, [{ stream: 'bulk', reason: 'metered' }])
  await route('wlan0')
  await clock.advance(60_000)
  await metering.look('gateway')
  await world.clock.advance(61_000)
  assert.equal(world.sent('bulk'), 2)
  assert.equal(world.policy.stats().metered, false)
})

test('where only metered traffic counts, the other neither counts nor waits', async (t) => {
  const clock = new ManualClock()
  const metering = new Metering({ mode: false, clock })
  const { policy, add, sent } = await setup(t, '12:00', {
    metering,
    budget: { ...budget, day: 1, counts: 'metered' }
  })
  await add('logs', 5)
  assert.equal(sent('logs'), 5)
  const { totalBytes, periods } = policy.stats()
  assert.equal(totalBytes, 5 * batchBytes)
  assert.deepEqual(periods[0], { period: 'day', usedBytes: 0, limitBytes: 1, leftBytes: 1 })
})

test('where everything waits the connection is closed', async (t) => {
  const quietHours = [parseQuietHours('22:00-06:00')]
  const { clock, add, fake } = await setup(t, '21:59', { quietHours })
  await add('logs', 1)
  await clock.advance(59_999)
  assert.equal(fake.resets, 0)
  await clock.advance(1)
  assert.equal(fake.resets, 1)
})

test('a batch under way is waited for before the connection is closed', async (t) => {
  const quietHours = [parseQuietHours('22:00-06:00')]
  const { clock, add, fake } = await setup(t, '21:59', { quietHours })
  fake.script = undefined
  await add('logs', 1)
  await clock.advance(60_000)
  assert.equal(fake.resets, 0)
  fake.only().answer()
  await clock.advance(60_000)
  assert.equal(fake.resets, 1)
})

test('stop before start and stop twice do nothing', async (t) => {
  const { policy } = await setup(t, '12:00')
  assert.equal(policy.stop(), policy.stop())
  const clock = new ManualClock()
  const calendar = new Calendar('UTC')
  const ledger = new UsageLedger({ path: undefined, aheadBytes: 1, calendar, clock, log })
  const idle = new LinkPolicy({
    budget: { ...budget },
    quietHours: [],
    rulesOf: () => ({ priority: 'normal', wait: 'never' }),
    metering: undefined,
    ledger,
    clock,
    log
  })
  await idle.stop()
  await idle.start()
  assert.equal(clock.sleeping, 0)
})
