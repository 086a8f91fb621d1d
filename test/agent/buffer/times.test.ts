import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AgentBuffer, Chunk } from '../../../agent/buffer/buffer.ts'
import { sealFirstPage, storeVersion } from '../../../agent/buffer/store/first-page.ts'
import { DeviceTime } from '../../../agent/clock/device-time.ts'
import { ColumnsBuilder } from '../../../shared/columns-builder.ts'
import { Database } from '../../../shared/sqlite.ts'
import { framesOf } from '../../contract/buffer.ts'
import { ManualBoot } from '../../support/manual-boot.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { segmentFile } from './numbered-records.ts'
import { never, storage } from './setup.ts'

const in2026 = Date.UTC(2026, 5, 1)
const hourMs = 3_600_000

/** A buffer on a device that booted in 1970. */
async function setup(t: TestContext, wallMs = 1000) {
  const clock = new ManualClock(wallMs)
  const boot = new ManualBoot(clock)
  const time = new DeviceTime(clock, boot)
  return { clock, boot, time, ...(await storage(t, { clock, time })) }
}

function chunk(text: string, timeMs: number, times?: Chunk['times']): Chunk {
  const builder = new ColumnsBuilder({ partitionKey: 'k', time: timeMs })
  builder.add(Buffer.from(text))
  const base = { stream: 'a', records: builder.build() }
  return times ? { ...base, times } : base
}

async function sent(buffer: AgentBuffer) {
  return (await framesOf(buffer, 'a')).map((frame) => {
    const { first, count, clock, offset } = buffer.currentHeader(frame)
    return { first, count, clock, offset }
  })
}

test('frames stored before the clock was learnt leave with the correction, their bytes unchanged', async (t) => {
  const { clock, time, start } = await setup(t)
  const buffer = await start()
  await buffer.append({ ...chunk('1', clock.wallMs()), urgent: true })
  const [before] = await framesOf(buffer, 'a')
  assert.ok(before)
  assert.deepEqual(await sent(buffer), [{ first: 1, count: 1, clock: 'unsynced', offset: 0 }])
  await clock.advance(5000)
  clock.jumpWall(in2026)
  time.trust('ntp')
  // A frame that was read before is corrected, too.
  assert.equal(buffer.currentHeader(before).offset, in2026 - 6000)
  await buffer.append({ ...chunk('2', clock.wallMs()), urgent: true })
  assert.deepEqual(await sent(buffer), [
    { first: 1, count: 1, clock: 'ntp', offset: in2026 - 6000 },
    { first: 2, count: 1, clock: 'ntp', offset: 0 }
  ])
  const [after] = await framesOf(buffer, 'a')
  assert.deepEqual(after?.body, before.body)
})

test('the correction is found again after a restart in the same boot, and not in the next', async (t) => {
  const { clock, boot, time, start } = await setup(t)
  const first = await start()
  await first.append({ ...chunk('1', clock.wallMs()), urgent: true })
  await first.stop(never)
  clock.jumpWall(in2026)
  const again = new DeviceTime(clock, boot)
  again.trust('ntp')
  const second = await start({ time: again })
  const corrected = { first: 1, count: 1, clock: 'ntp', offset: in2026 - 1000 }
  assert.deepEqual(await sent(second), [corrected])
  await second.stop(never)
  const rebooted = new DeviceTime(clock, new ManualBoot(clock, 'f'.repeat(32)))
  rebooted.trust('ntp')
  const third = await start({ time: rebooted })
  assert.deepEqual(await sent(third), [{ ...corrected, clock: 'unsynced', offset: 0 }])
  assert.equal(time.stats().state, 'unsynced')
})

test('times that records brought along are never moved, in a frame of their own, over a restart', async (t) => {
  const { clock, boot, start } = await setup(t)
  const buffer = await start()
  const appends = [
    buffer.append(chunk('1', clock.wallMs())),
    buffer.append(chunk('2', clock.wallMs())),
    buffer.append(chunk('3', in2026 - hourMs, 'own')),
    buffer.append(chunk('4', in2026 - hourMs, 'own')),
    buffer.append(chunk('5', in2026 - hourMs, 'gps')),
    buffer.append({ ...chunk('6', clock.wallMs()), urgent: true })
  ]
  await Promise.all(appends)
  await buffer.stop(never)
  clock.jumpWall(in2026)
  const time = new DeviceTime(clock, boot)
  time.trust('ntp')
  const offset = in2026 - 1000
  assert.deepEqual(await sent(await start({ time })), [
    { first: 1, count: 2, clock: 'ntp', offset },
    { first: 3, count: 2, clock: 'unsynced', offset: 0 },
    { first: 5, count: 1, clock: 'gps', offset: 0 },
    { first: 6, count: 1, clock: 'ntp', offset }
  ])
})

test('what is offered again after the clock was learnt is dated by its first offer', async (t) => {
  const { clock, time, start } = await setup(t)
  const buffer = await start()
  const reading = { ...chunk('1', clock.wallMs()), urgent: true }
  await assert.rejects(buffer.append(reading, AbortSignal.abort()), { code: 'store_full' })
  clock.jumpWall(in2026)
  time.trust('ntp')
  await buffer.append(reading)
  const offset = in2026 - 1000
  assert.deepEqual(await sent(buffer), [{ first: 1, count: 1, clock: 'ntp', offset }])
})

test('a clock that is learnt closes the frame', async (t) => {
  const { clock, time, start } = await setup(t, in2026)
  const buffer = await start()
  const before = buffer.append(chunk('1', clock.wallMs()))
  time.trust('ntp')
  await Promise.all([before, buffer.append({ ...chunk('2', clock.wallMs()), urgent: true })])
  const frames = await framesOf(buffer, 'a')
  assert.deepEqual(
    frames.map(({ header }) => header.clock),
    ['unsynced', 'ntp']
  )
})

test('a time of 1970 is flagged also when the clock is right by now, and is not moved by guess', async (t) => {
  const { clock, time, start } = await setup(t, in2026)
  time.trust('ntp')
  const buffer = await start()
  await Promise.all([
    buffer.append(chunk('1', 1000)),
    buffer.append(chunk('2', 1000, 'own')),
    buffer.append({ ...chunk('3', clock.wallMs()), urgent: true })
  ])
  assert.deepEqual(await sent(buffer), [
    { first: 1, count: 2, clock: 'unsynced', offset: 0 },
    { first: 3, count: 1, clock: 'ntp', offset: 0 }
  ])
})

test('a jump of two weeks changes neither the age of the oldest frame nor when a commit is due', async (t) => {
  const { clock, start } = await setup(t, in2026)
  const buffer = await start()
  await buffer.append({ ...chunk('1', clock.wallMs()), urgent: true })
  await clock.advance(1000)
  for (const weeks of [-2, 2]) {
    clock.jumpWall(in2026 + weeks * 7 * 24 * hourMs)
    assert.equal(buffer.stats().oldestAgeMs, 1000)
  }
  let isDurable = false
  const append = buffer.append(chunk('2', clock.wallMs())).then(() => {
    isDurable = true
  })
  await clock.advance(500)
  clock.jumpWall(in2026)
  await clock.advance(499)
  assert.equal(isDurable, false)
  await clock.advance(1)
  await append
})

test('a file of the version before is read, taken over with its next commit, and then refused to old programs', async (t) => {
  const { directory, clock, boot, start } = await setup(t)
  const first = await start()
  await first.append({ ...chunk('1', clock.wallMs()), urgent: true })
  await first.stop(never)
  const path = await segmentFile(directory, '.db')
  await version(path, 2)
  clock.jumpWall(in2026)
  const time = new DeviceTime(clock, boot)
  time.trust('ntp')
  const second = await start({ time })
  assert.deepEqual(
    (await sent(second)).map(({ clock }) => clock),
    ['ntp']
  )
  assert.equal(await version(path), 2)
  await second.append({ ...chunk('2', in2026, 'own'), urgent: true })
  assert.equal((await sent(second)).length, 2)
  assert.equal(await segmentFile(directory, '.db'), path)
  await second.stop(never)
  assert.equal(await version(path), storeVersion)
})

/** Of a file; made another one first, when that is said. */
async function version(path: string, wanted?: number): Promise<number> {
  const db = await Database.open(path)
  if (wanted !== undefined) await sealFirstPage(db, wanted)
  const found = Number((await db.get('PRAGMA user_version'))?.['user_version'])
  await db.close()
  return found
}
