import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncomingBatch } from '../../../gateway/admission/admission.ts'
import { Authenticator } from '../../../gateway/admission/authenticator.ts'
import { DeviceStore } from '../../../gateway/admission/device-store.ts'
import { Gate } from '../../../gateway/admission/gate.ts'
import { Ledger } from '../../../gateway/admission/ledger.ts'
import { Quota } from '../../../gateway/admission/quota.ts'
import { StreamReader } from '../../../gateway/reading/stream-reader.ts'
import { systemClock } from '../../../shared/clock.ts'
import { createLog } from '../../../shared/log.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { routerOver } from '../../support/reshard-load.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { runningEngine } from '../engines/embedded/running-engine.ts'
import { columns } from './columns.ts'

const never = new AbortController().signal
const maxMarks = 10

function batch(text: string, more: Partial<IncomingBatch>): IncomingBatch {
  const principal = { device: undefined, revoked: never }
  return { principal, stream: 's', records: columns([text]), wireBytes: 10, ...more }
}

test('what a device sends again is known, however many posts with keys came meanwhile', async (t) => {
  const directory = await tempDir(t)
  const clock = systemClock
  const log = createLog('test', 'silent')
  const random = new SeededRandom()
  const engine = await runningEngine(t, directory, { maxMarks })
  await engine.create('s', { shards: 1 })
  const store = new DeviceStore(directory, { clock, random })
  const gate = new Gate({
    authenticator: new Authenticator({ mode: 'off', store, maxGuests: 100, clock, log }),
    ledger: new Ledger({ dataDir: directory, maxDevices: 100, clock, log }),
    quota: new Quota({ limitsOf: () => undefined, burstSeconds: 3, maxDevices: 10, clock }),
    sharding: await routerOver(t, engine, 'kpl'),
    limits: { earlyWaitMs: 200, maxEarly: 8, maxSources: 10, waitingBytes: 1000 },
    clock,
    random,
    log
  })
  await gate.start(never)
  cleanUp(t, () => gate.stop(AbortSignal.abort()))
  const ofDevice = batch('of the device', {
    header: {
      device: 'pi-1',
      epoch: 'ab'.repeat(16),
      ...{ first: 1, prev: 0, floor: 1, lane: 0, clock: 'ntp', offset: 0 }
    }
  })
  const posts = Array.from({ length: 3 * maxMarks }, (_, i) =>
    batch(`post ${i}`, { idempotencyKey: `k${i}` })
  )
  const lastPost = posts.slice(-1)
  for (const one of [ofDevice, ...posts, ofDevice, ...lastPost]) {
    assert.equal((await gate.admit(one)).code, 'ok')
  }
  const texts: string[] = []
  const from = { stream: 's', from: 'start', follow: false, maxMarks: 1000, signal: never } as const
  for await (const records of new StreamReader(engine, from).records()) {
    texts.push(...records.map((record) => record.data.toString()))
  }
  assert.deepEqual(texts, ['of the device', ...posts.map((_, i) => `post ${i}`)])
  assert.equal(engine.stats().streams[0]?.records, posts.length + 1)
})
