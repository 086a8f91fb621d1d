import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Ledger } from '../../../gateway/admission/ledger.ts'
import { LedgerStore } from '../../../gateway/admission/ledger-store.ts'
import { type AckCode, HeadwaterError } from '../../../shared/errors.ts'
import { createLog } from '../../../shared/log.ts'
import type { Ack } from '../../../shared/wire/ack.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { until } from '../../support/mqtt-raw-client.ts'
import { tempDir } from '../../support/temp-dir.ts'

async function setup(t: TestContext, options: { maxDevices?: number; dataDir?: string } = {}) {
  const { maxDevices = 100, dataDir = await tempDir(t) } = options
  const clock = new ManualClock()
  const ledger = new Ledger({ dataDir, maxDevices, clock, log: createLog('test', 'silent') })
  await ledger.start()
  cleanUp(t, () => ledger.stop())
  return { ledger, clock, dataDir }
}

function ack(count: number, rejected: readonly AckCode[] = [], code: AckCode = 'ok'): Ack {
  const list = rejected.map((one, seq) => ({ seq, code: one, message: one }))
  return { epoch: '', stream: 's', first: 1, count, code, through: count, rejected: list }
}

test('counts add up by device, by reason, over flushes and restarts', async (t) => {
  const { ledger, clock, dataDir } = await setup(t)
  ledger.settled('pi-1', ack(10, ['invalid', 'too_large']), { repeats: 3, bytes: 100 })
  assert.equal((await ledger.read('pi-1'))?.stored, 5)
  const first = new Date(clock.wallMs()).toISOString()
  await clock.advance(5000)
  ledger.settled('pi-1', ack(4, ['invalid']), { repeats: 0, bytes: 50 })
  ledger.refused('pi-1', ack(7, [], 'throttled'), 70)
  ledger.refused('pi-1', ack(6, [], 'too_large'), 60)
  ledger.refused('pi-1', ack(2, [], 'invalid'), 20)
  ledger.refused('pi-1', ack(1, [], 'too_large'), 10)
  await ledger.stop()
  const next = await setup(t, { dataDir })
  assert.deepEqual(await next.ledger.read('pi-1'), {
    device: 'pi-1',
    received: 17,
    stored: 8,
    repeated: 3,
    rejected: { invalid: 4, too_large: 2 },
    turnedAway: { throttled: 7, too_large: 6 },
    bytes: 180,
    firstSeen: first,
    lastSeen: new Date(clock.wallMs()).toISOString(),
    gaps: 0
  })
  assert.equal(await next.ledger.read('pi-2'), undefined)
})

test('another process sees what was counted two seconds ago', async (t) => {
  const { ledger, clock, dataDir } = await setup(t)
  ledger.settled('pi-1', ack(1), { repeats: 0, bytes: 1 })
  await clock.advance(2000)
  await ledger.read('other')
  const look = await LedgerStore.look(dataDir)
  cleanUp(t, () => look.close())
  assert.equal((await look.read('pi-1'))?.stored, 1)
  assert.deepEqual([...(await look.lastSeen()).keys()], ['pi-1'])
})

test('a gateway that was killed leaves a gap in every account, one that was stopped does not', async (t) => {
  const dataDir = await tempDir(t)
  const killed = await LedgerStore.open(dataDir, 1)
  const entry = { received: 1, stored: 1, repeated: 0, bytes: 1, firstMs: 1, lastMs: 1 }
  await killed.add([{ device: 'pi-1', ...entry, rejected: {}, turnedAway: {} }])
  await killed.close()
  const { ledger } = await setup(t, { dataDir })
  assert.equal((await ledger.read('pi-1'))?.gaps, 1)
  await ledger.stop()
  const next = await setup(t, { dataDir })
  assert.equal((await next.ledger.read('pi-1'))?.gaps, 1)
})

test('beyond maxDevices the accounts of those silent longest are dropped and counted', async (t) => {
  const { ledger, clock } = await setup(t, { maxDevices: 2 })
  for (const device of ['a', 'b', 'c']) {
    ledger.settled(device, ack(1, ['invalid']), { repeats: 0, bytes: 1 })
    await ledger.read(device)
    await clock.advance(1)
  }
  assert.deepEqual(
    await Promise.all(['a', 'b', 'c'].map(async (one) => (await ledger.read(one))?.received)),
    [undefined, 1, 1]
  )
  for (const device of ['d', 'e', 'f']) ledger.settled(device, ack(1), { repeats: 0, bytes: 1 })
  assert.equal(ledger.forgotten, 2)
})

test('what cannot be written is kept and written later', async (t) => {
  const { ledger } = await setup(t)
  const failing = t.mock.method(LedgerStore.prototype, 'add', () =>
    Promise.reject(new Error('disk full'))
  )
  ledger.settled('pi-1', ack(2, ['invalid']), { repeats: 0, bytes: 1 })
  assert.equal(await ledger.read('pi-1'), undefined)
  ledger.settled('pi-1', ack(3, ['invalid']), { repeats: 1, bytes: 1 })
  failing.mock.restore()
  const account = await ledger.read('pi-1')
  assert.deepEqual(
    [account?.received, account?.stored, account?.repeated, account?.rejected],
    [5, 2, 1, { invalid: 2 }]
  )
})

test('a disk that is full at the start does not keep the gateway; what was counted is written later', async (t) => {
  const full = t.mock.method(LedgerStore, 'open', () =>
    Promise.reject(new HeadwaterError('store_full', 'the disk is full'))
  )
  const { ledger, clock, dataDir } = await setup(t)
  ledger.settled('pi-1', ack(2), { repeats: 0, bytes: 1 })
  await assert.rejects(ledger.read('pi-1'), { code: 'unavailable' })
  await clock.advance(2000)
  await assert.rejects(ledger.read('pi-1'), { code: 'unavailable' })
  full.mock.restore()
  await clock.advance(2000)
  await until(() => existsSync(join(dataDir, 'ledger.db')))
  ledger.settled('pi-1', ack(1), { repeats: 0, bytes: 1 })
  await ledger.stop()
  const next = await setup(t, { dataDir })
  assert.equal((await next.ledger.read('pi-1'))?.stored, 3)
})

test('a damaged file is set aside', async (t) => {
  const dataDir = await tempDir(t)
  await writeFile(join(dataDir, 'ledger.db'), 'this is no database, but it is long enough to look')
  const { ledger } = await setup(t, { dataDir })
  ledger.settled('pi-1', ack(1), { repeats: 0, bytes: 1 })
  assert.equal((await ledger.read('pi-1'))?.stored, 1)
  assert.ok((await readdir(dataDir)).some((name) => name.startsWith('ledger.db.damaged-')))
})

for (const page of [1, 2, 3, 4]) {
  test(`a file with damage in page ${page} alone is set aside`, async (t) => {
    const dataDir = await tempDir(t)
    const first = await setup(t, { dataDir })
    const what = { repeats: 0, bytes: 1 }
    for (let i = 0; i < 200; i++) first.ledger.settled(`pi-${i}`, ack(2, ['invalid']), what)
    await first.ledger.stop()
    const path = join(dataDir, 'ledger.db')
    const bytes = await readFile(path)
    bytes.fill(0xff, page * 4096, (page + 1) * 4096)
    await writeFile(path, bytes)
    const { ledger } = await setup(t, { dataDir })
    ledger.settled('pi-1', ack(3, ['invalid']), what)
    assert.equal((await ledger.read('pi-1'))?.stored, 2)
    assert.ok((await readdir(dataDir)).some((name) => name.startsWith('ledger.db.damaged-')))
  })
}
