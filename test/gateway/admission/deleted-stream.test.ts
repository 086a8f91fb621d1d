import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { IncomingBatch } from '../../../gateway/admission/admission.ts'
import { Authenticator } from '../../../gateway/admission/authenticator.ts'
import { DeviceStore } from '../../../gateway/admission/device-store.ts'
import { Gate } from '../../../gateway/admission/gate.ts'
import { Ledger } from '../../../gateway/admission/ledger.ts'
import { Quota } from '../../../gateway/admission/quota.ts'
import { systemClock } from '../../../shared/clock.ts'
import { createLog } from '../../../shared/log.ts'
import type { BatchHeader } from '../../../shared/wire/batch.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { settle } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { members, rig, stream } from '../sharding/rig.ts'
import { columns } from './columns.ts'

/** Admission before real lanes and a fake engine. */
async function setup(t: TestContext) {
  const { router, engine, clock } = await rig({ sharding: { lingerMs: 0 } })
  const random = new SeededRandom()
  const log = createLog('test', 'silent')
  const directory = await tempDir(t)
  const store = new DeviceStore(directory, { clock: systemClock, random })
  const gate = new Gate({
    authenticator: new Authenticator({ mode: 'off', store, maxGuests: 100, clock, log }),
    ledger: new Ledger({ dataDir: directory, maxDevices: 100, clock, log }),
    quota: new Quota({ limitsOf: () => undefined, burstSeconds: 3, maxDevices: 10, clock }),
    sharding: router,
    limits: { earlyWaitMs: 200, maxEarly: 8, maxSources: 100, waitingBytes: 1000 },
    clock,
    random,
    log
  })
  await gate.start(new AbortController().signal)
  cleanUp(t, () => gate.stop(AbortSignal.abort()))
  const makeAnew = async () => {
    await engine.delete(stream)
    await settle()
    await engine.create(stream, { shards: 1 })
  }
  const stored = () => members(engine.stored(stream, 'shardId-000000000000'))
  return { gate, makeAnew, stored }
}

function batch(texts: readonly string[], more: Partial<IncomingBatch>): IncomingBatch {
  const principal = { device: undefined, revoked: new AbortController().signal }
  return { principal, stream, records: columns(texts), wireBytes: 10, ...more }
}

test('a key used on a stream that was deleted and made anew is no repeat', async (t) => {
  const { gate, makeAnew, stored } = await setup(t)
  const keyed = batch(['a', 'b'], { idempotencyKey: 'k1' })
  assert.equal((await gate.admit(keyed)).code, 'ok')
  await makeAnew()
  assert.equal((await gate.admit(keyed)).code, 'ok')
  assert.deepEqual(stored(), ['a', 'b'])
})

test('a key used on a stream that was deleted and made anew may bring other records', async (t) => {
  const { gate, makeAnew, stored } = await setup(t)
  await gate.admit(batch(['a'], { idempotencyKey: 'k1' }))
  await makeAnew()
  assert.equal((await gate.admit(batch(['b'], { idempotencyKey: 'k1' }))).code, 'ok')
  assert.deepEqual(stored(), ['b'])
})

test('what an agent sends again to a stream that was made anew is stored there', async (t) => {
  const { gate, makeAnew, stored } = await setup(t)
  const header: Omit<BatchHeader, 'stream' | 'count'> = {
    device: 'pi-1',
    epoch: 'ab'.repeat(16),
    first: 1,
    prev: 0,
    floor: 1,
    lane: 0,
    clock: 'ntp',
    offset: 0
  }
  const first = batch(['1', '2'], { header })
  assert.equal((await gate.admit(first)).code, 'ok')
  await makeAnew()
  assert.equal((await gate.admit(first)).code, 'ok')
  const next = batch(['3'], { header: { ...header, first: 3, prev: 2 } })
  assert.equal((await gate.admit(next)).code, 'ok')
  assert.deepEqual(stored(), ['1', '2', '3'])
})
