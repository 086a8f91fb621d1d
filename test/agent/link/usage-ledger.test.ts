import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Calendar } from '../../../agent/link/calendar.ts'
import { UsageLedger } from '../../../agent/link/usage-ledger.ts'
import { createLog } from '../../../shared/log.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'

const startMs = Date.parse('2026-11-21T08:00Z')
const aheadBytes = 1000
const minuteMs = 60_000

async function setup(t: TestContext) {
  const path = join(await tempDir(t), 'link-usage.json')
  const calendar = new Calendar('UTC')
  const log = createLog('test', 'silent')
  const clock = new ManualClock(startMs)
  const open = async (at = clock): Promise<UsageLedger> => {
    const ledger = new UsageLedger({ path, aheadBytes, calendar, clock: at, log })
    await ledger.open()
    return ledger
  }
  return { path, clock, open }
}

test('after a stop it goes on with exactly what was used', async (t) => {
  const { open } = await setup(t)
  const ledger = await open()
  ledger.add(12_345)
  await ledger.close()
  const { day, month } = (await open()).used()
  assert.deepEqual([day.bytes, month.bytes], [12_345, 12_345])
})

test('after a crash it has counted more than was used, by what it was ahead', async (t) => {
  const { open } = await setup(t)
  const ledger = await open()
  ledger.add(400)
  await ledger.keep()
  ledger.add(900)
  const { day, month } = (await open()).used()
  assert.deepEqual([day.bytes, month.bytes], [1400, 1400])
})

test('a crash forgets nothing of what moves at the pace of the minute before', async (t) => {
  const { open } = await setup(t)
  const ledger = await open()
  for (let minute = 1; minute <= 5; minute++) {
    ledger.add(5000)
    await ledger.keep()
    const { bytes } = (await open()).used().month
    assert.ok(bytes >= (minute + 1) * 5000 && bytes <= (minute + 2) * 5000, `${bytes}`)
  }
})

test('the file is ahead by what the last minute moved, and not written while that lasts', async (t) => {
  const { path, open } = await setup(t)
  const ledger = await open()
  for (let minute = 0; minute < 20; minute++) {
    ledger.add(5000)
    await ledger.keep()
    const promised = JSON.parse(await readFile(path, 'utf8')).usage.month.bytes
    assert.ok(promised >= ledger.used().month.bytes, String(minute))
  }
  ledger.add(1)
  await ledger.keep()
  const before = await readFile(path, 'utf8')
  for (let minute = 0; minute < 20; minute++) {
    ledger.add(40)
    await ledger.keep()
  }
  assert.equal(await readFile(path, 'utf8'), before)
  ledger.add(5000)
  await ledger.keep()
  assert.notEqual(await readFile(path, 'utf8'), before)
})

test('the counted bytes never go back and are never too few, whatever crashes and clocks do', async (t) => {
  const { path, open } = await setup(t)
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ add: fc.integer({ min: 1, max: aheadBytes }) }) },
    { weight: 1, arbitrary: fc.constantFrom('crash', 'stop') },
    // All within the month, or of a clock that was lost.
    {
      weight: 1,
      arbitrary: fc.record({ wallMs: fc.constantFrom(0, startMs, startMs - 9e7, startMs + 2e8) })
    }
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await writeFile(path, 'not yet written')
      const clock = new ManualClock(startMs)
      let ledger = await open(clock)
      let truth = 0
      let crashes = 0
      let counted = 0
      for (const one of steps) {
        if (typeof one === 'string') {
          if (one === 'stop') await ledger.close()
          else crashes += 1
          ledger = await open(clock)
        } else if ('wallMs' in one) clock.jumpWall(one.wallMs)
        else {
          ledger.add(one.add)
          truth += one.add
          await ledger.keep()
        }
        const { bytes } = ledger.used().month
        assert.ok(bytes >= counted, `${bytes} after ${counted}`)
        assert.ok(bytes >= truth && bytes <= truth + crashes * 2 * aheadBytes)
        counted = bytes
      }
    }),
    { numRuns: 60 }
  )
})

test('the days of a machine whose clock starts in 1970 go on from the last one known', async (t) => {
  const { open } = await setup(t)
  const ledger = await open()
  ledger.add(100)
  await ledger.close()
  const lost = new ManualClock(0)
  const after = await open(lost)
  assert.equal(after.estimated, true)
  assert.equal(after.used().day.bytes, 100)
  await lost.advance(17 * 60 * minuteMs)
  assert.deepEqual(
    [after.used().day, after.used().month.bytes],
    [{ period: '2026-11-22', bytes: 0 }, 100]
  )
})

test('a file that cannot be read is one with nothing in it; that of a newer program is refused', async (t) => {
  const { path, open } = await setup(t)
  for (const text of ['', '{', '[]', '{"v":1}', '{"v":1,"latestMs":0,"usage":{}}']) {
    await writeFile(path, text)
    const ledger = await open()
    assert.equal(ledger.used().month.bytes, 0, text)
    ledger.add(7)
    await ledger.close()
    assert.equal((await open()).used().month.bytes, 7)
  }
  await writeFile(path, '{"v":2}')
  await assert.rejects(open(), { code: 'store_too_new', message: /link-usage\.json has version 2/ })
})

test('where nothing can be written it counts on in memory', async (t) => {
  const { path, clock } = await setup(t)
  const ledger = new UsageLedger({
    path: join(path, 'not-there', 'x.json'),
    aheadBytes,
    calendar: new Calendar('UTC'),
    clock,
    log: createLog('test', 'silent')
  })
  await ledger.open()
  ledger.add(10)
  await ledger.keep()
  ledger.add(10)
  await ledger.close()
  assert.equal(ledger.used().day.bytes, 20)
})

test('a crash forgets nothing of a day that has begun, also where the month was far ahead', async (t) => {
  const { clock, open } = await setup(t)
  const ledger = await open()
  ledger.add(100)
  await ledger.keep()
  await clock.advance(24 * 60 * minuteMs)
  ledger.add(300)
  await ledger.keep()
  const { day, month } = (await open()).used()
  assert.ok(day.bytes >= 300, `${day.bytes} of the day`)
  assert.ok(month.bytes >= 400, `${month.bytes} of the month`)
})
