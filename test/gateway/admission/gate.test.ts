import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { IncomingBatch, Principal } from '../../../gateway/admission/admission.ts'
import { Authenticator } from '../../../gateway/admission/authenticator.ts'
import { DeviceStore } from '../../../gateway/admission/device-store.ts'
import { Gate, type GateLimits } from '../../../gateway/admission/gate.ts'
import { Ledger } from '../../../gateway/admission/ledger.ts'
import { Quota, type QuotaLimits } from '../../../gateway/admission/quota.ts'
import { systemClock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { createLog } from '../../../shared/log.ts'
import type { Ack } from '../../../shared/wire/ack.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { columns } from './columns.ts'
import { type FakeDisk, FakeSharding } from './fake-sharding.ts'

const epoch = 'ab'.repeat(16)
const anybody: Principal = { device: undefined, revoked: new AbortController().signal }
const pi: Principal = { device: 'pi-1', revoked: new AbortController().signal }
const open = () => new AbortController().signal

interface SetupOptions {
  readonly disk?: FakeDisk
  readonly quota?: QuotaLimits
  readonly limits?: Partial<GateLimits>
}

async function setup(t: TestContext, options: SetupOptions = {}) {
  const clock = new ManualClock()
  const sharding = new FakeSharding(options.disk)
  const random = new SeededRandom()
  const log = createLog('test', 'silent')
  const directory = await tempDir(t)
  const store = new DeviceStore(directory, { clock: systemClock, random })
  const gate = new Gate({
    authenticator: new Authenticator({ mode: 'off', store, maxGuests: 100, clock, log }),
    ledger: new Ledger({ dataDir: directory, maxDevices: 100, clock, log }),
    quota: new Quota({ limitsOf: () => options.quota, burstSeconds: 3, maxDevices: 10, clock }),
    sharding,
    limits: {
      earlyWaitMs: 200,
      maxEarly: 8,
      maxSources: 100,
      waitingBytes: 1000,
      ...options.limits
    },
    clock,
    random,
    log
  })
  await gate.start(open())
  cleanUp(t, () => gate.stop(AbortSignal.abort()))
  return { clock, sharding, gate, disk: sharding.disk }
}

/** A batch of an agent: records `first`, `first + 1`, … whose data is their number. */
function agentBatch(
  first: number,
  count: number,
  more: Partial<IncomingBatch> = {}
): IncomingBatch {
  return {
    principal: anybody,
    stream: 'telemetry',
    records: columns(Array.from({ length: count }, (_, i) => String(first + i))),
    header: {
      device: 'pi-1',
      epoch,
      first,
      prev: first - 1,
      floor: 1,
      lane: 0,
      clock: 'ntp',
      offset: 0
    },
    wireBytes: 100,
    ...more
  }
}

function plain(texts: readonly string[], more: Partial<IncomingBatch> = {}): IncomingBatch {
  return {
    principal: anybody,
    stream: 'telemetry',
    records: columns(texts),
    wireBytes: 10,
    ...more
  }
}

const texts = (disk: FakeDisk) => disk.records.map((one) => one.data)
const codes = (acks: readonly Ack[]) => acks.map((ack) => ack.code)

test('an ack comes when the records are durable and not before, and names the batch', async (t) => {
  const { gate, sharding, disk } = await setup(t)
  sharding.holds = true
  let ack: Ack | undefined
  const answer = gate.admit(agentBatch(1, 3)).then((one) => {
    ack = one
  })
  await settle()
  assert.equal(ack, undefined)
  sharding.land()
  await answer
  assert.deepEqual(ack, {
    epoch,
    stream: 'telemetry',
    first: 1,
    count: 3,
    code: 'ok',
    through: 3,
    rejected: []
  })
  assert.deepEqual(texts(disk), ['1', '2', '3'])
})

test('what an agent sends keeps its identity, lane and correction of time', async (t) => {
  const { gate, sharding } = await setup(t)
  const { header, ...rest } = agentBatch(7, 2)
  assert.ok(header)
  const turned = { ...header, prev: 0, lane: 1 as const, offset: -5000 }
  await gate.admit({ ...rest, header: turned })
  const [taken] = sharding.taken
  assert.deepEqual(taken?.source, { device: 'pi-1', epoch, lane: 1 })
  assert.deepEqual([taken?.first, taken?.offsetMs, taken?.repeatable], [7, -5000, true])
  assert.equal(taken?.selected, undefined)
})

test('a repeat is stored once, whether the first is under way, settled, or of an earlier life', async (t) => {
  const { gate, sharding, disk } = await setup(t)
  sharding.holds = true
  const answers = [gate.admit(agentBatch(1, 2)), gate.admit(agentBatch(1, 2))]
  await settle()
  sharding.land()
  assert.deepEqual(codes(await Promise.all(answers)), ['ok', 'ok'])
  assert.equal((await gate.admit(agentBatch(1, 2))).code, 'ok')
  const next = await setup(t, { disk })
  assert.deepEqual(codes([await next.gate.admit(agentBatch(1, 2))]), ['ok'])
  assert.deepEqual(codes([await next.gate.admit(agentBatch(3, 2))]), ['ok'])
  assert.deepEqual(texts(disk), ['1', '2', '3', '4'])
  assert.equal(next.gate.stats().repeatedRecords, 2)
  assert.equal(next.gate.stats().storedRecords, 2)
})

test('batches that overtake each other are stored in order', async (t) => {
  const { gate, disk } = await setup(t)
  const answers = [5, 3, 1].map((first) => gate.admit(agentBatch(first, 2)))
  assert.deepEqual(codes(await Promise.all(answers)), ['ok', 'ok', 'ok'])
  assert.deepEqual(texts(disk), ['1', '2', '3', '4', '5', '6'])
})

test('a batch without its predecessor is out of order after a short wait', async (t) => {
  const { gate, clock } = await setup(t)
  const answer = gate.admit(agentBatch(3, 2))
  await clock.advance(200)
  const ack = await answer
  assert.deepEqual([ack.code, ack.first, ack.epoch], ['out_of_order', 3, epoch])
})

test('bad records are rejected by number, each time again, and the rest is stored once', async (t) => {
  const { gate, disk } = await setup(t)
  const records = columns(['10', 'x'.repeat(2000), '12'])
  for (let round = 0; round < 2; round++) {
    const ack = await gate.admit({ ...agentBatch(1, 3), records })
    assert.equal(ack.code, 'ok')
    assert.deepEqual(
      ack.rejected.map(({ seq, code }) => [seq, code]),
      [[2, 'too_large']]
    )
  }
  assert.deepEqual(texts(disk), ['10', '12'])
  assert.deepEqual(
    disk.records.map((one) => one.seq),
    [1, 3]
  )
  assert.equal(gate.stats().rejectedRecords['too_large'], 2)
})

test('a batch of only bad records is settled, so that the next is in turn', async (t) => {
  const { gate, sharding, disk } = await setup(t)
  const ack = await gate.admit({ ...agentBatch(1, 2), records: columns(['a', 'b'], '') })
  assert.deepEqual([ack.code, ack.rejected.length, ack.through], ['ok', 2, 2])
  assert.equal(sharding.taken.length, 0)
  assert.equal((await gate.admit(agentBatch(3, 1))).code, 'ok')
  assert.deepEqual(texts(disk), ['3'])
})

test('of a repeat in part with bad records, only what is new and good is taken', async (t) => {
  const { gate, disk } = await setup(t)
  await gate.admit(agentBatch(1, 2))
  const records = columns(['1', '2', 'x'.repeat(2000), '4'])
  const ack = await gate.admit({ ...agentBatch(1, 4), records })
  assert.deepEqual(
    ack.rejected.map((one) => one.seq),
    [3]
  )
  assert.deepEqual(
    disk.records.map((one) => one.seq),
    [1, 2, 4]
  )
})

test('a device may write only as itself and to its streams; anybody on loopback as any', async (t) => {
  const { gate, sharding } = await setup(t)
  const as = async (principal: Principal, device: string) => {
    const batch = agentBatch(1, 1, { principal })
    assert.ok(batch.header)
    return gate.admit({ ...batch, header: { ...batch.header, device } })
  }
  const other = await as(pi, 'pi-2')
  assert.deepEqual([other.code, other.epoch, other.first], ['forbidden', epoch, 1])
  assert.match(other.message ?? '', /pi-1.*pi-2/)
  const elsewhere = await as({ ...pi, streams: ['other'] }, 'pi-1')
  assert.equal(elsewhere.code, 'forbidden')
  assert.match(elsewhere.message ?? '', /other.*telemetry/)
  assert.equal(sharding.taken.length, 0)
  assert.equal((await as({ ...pi, streams: ['telemetry'] }, 'pi-1')).code, 'ok')
  assert.equal((await as(anybody, 'pi-2')).code, 'ok')
})

test('an unknown stream, a bad name, no records and a revoked device have their codes', async (t) => {
  const { gate } = await setup(t)
  const refused = async (batch: IncomingBatch) => {
    const { code, message } = await gate.admit(batch)
    return `${code}: ${message}`
  }
  assert.match(await refused(plain(['a'], { stream: 'nope' })), /^unknown_stream: .*telemetry/)
  assert.match(await refused(agentBatch(1, 1, { stream: 'nope' })), /^unknown_stream: .*telemetry/)
  assert.match(await refused(plain(['a'], { stream: 'a/b' })), /^invalid: stream/)
  assert.match(await refused(plain([])), /^invalid: .*no records/)
  const batch = agentBatch(1, 1)
  assert.ok(batch.header)
  assert.match(
    await refused({ ...batch, header: { ...batch.header, device: 'a/b' } }),
    /^invalid: device/
  )
  const gone: Principal = { device: 'pi-1', revoked: AbortSignal.abort() }
  assert.match(await refused(plain(['a'], { principal: gone })), /^unauthorized/)
})

test('throttling carries its wait, and what comes behind is out of order until it comes again', async (t) => {
  const { gate, sharding, clock, disk } = await setup(t)
  await gate.admit(agentBatch(1, 1))
  sharding.refusal = new HeadwaterError('throttled', 'lane full', { retryAfterMs: 33.2 })
  const first = await gate.admit(agentBatch(2, 1))
  assert.deepEqual([first.code, first.retryAfterMs], ['throttled', 34])
  sharding.refusal = undefined
  const behind = gate.admit(agentBatch(3, 1))
  await clock.advance(200)
  assert.equal((await behind).code, 'out_of_order')
  assert.deepEqual(
    codes([await gate.admit(agentBatch(2, 1)), await gate.admit(agentBatch(3, 1))]),
    ['ok', 'ok']
  )
  assert.deepEqual(texts(disk), ['1', '2', '3'])
})

test('over its quota a device is throttled with the wait; what was not taken does not count', async (t) => {
  const { gate, sharding, clock } = await setup(t, { quota: { recordsPerSecond: 10 } })
  sharding.refusal = new HeadwaterError('unavailable', 'no memory')
  assert.equal((await gate.admit(agentBatch(1, 30))).code, 'unavailable')
  sharding.refusal = undefined
  assert.equal((await gate.admit(agentBatch(1, 30))).code, 'ok')
  const over = await gate.admit(agentBatch(31, 1))
  assert.deepEqual([over.code, over.retryAfterMs], ['throttled', 1])
  await clock.advance(1)
  assert.equal((await gate.admit(agentBatch(31, 1))).code, 'ok')
})

test('records without identity get the gateway’s own, by device, with numbers that only rise', async (t) => {
  const { gate, disk } = await setup(t)
  const one = await gate.admit(plain(['a', 'b']))
  const two = await gate.admit(plain(['c'], { principal: pi }))
  const sources = [...new Set(disk.records.map((record) => record.source))]
  assert.deepEqual(sources, [`anonymous/${one.epoch}/0`, `pi-1/${one.epoch}/0`])
  assert.match(one.epoch, /^[0-9a-f]{32}$/)
  assert.ok(two.first > one.first + 1)
  await gate.admit(plain(['a', 'b']))
  assert.deepEqual(texts(disk), ['a', 'b', 'c', 'a', 'b'])
  assert.equal(disk.marks.size, 0)
  const next = await setup(t)
  assert.notEqual((await next.gate.admit(plain(['x']))).epoch, one.epoch)
})

test('calls made while the stream is being loaded are taken in the order of the calls', async (t) => {
  const { gate, sharding, disk } = await setup(t)
  let loaded = () => {}
  sharding.loading = new Promise((resolve) => {
    loaded = resolve
  })
  const answers: Promise<unknown>[] = []
  const send = (text: string) => answers.push(gate.admit(plain([text])))
  for (const text of ['1', '2', '3']) send(text)
  await settle()
  loaded()
  // One call at each step of the promises in between.
  for (let step = 4; step < 30; step++) {
    send(String(step))
    await Promise.resolve()
  }
  await Promise.all(answers)
  assert.deepEqual(
    texts(disk),
    Array.from({ length: 29 }, (_, i) => String(i + 1))
  )
})

test('what waits for the engine is bounded in bytes; the rest is told to come again', async (t) => {
  const { gate, sharding, disk } = await setup(t)
  let loaded = () => {}
  sharding.loading = new Promise((resolve) => {
    loaded = resolve
  })
  const big = 'x'.repeat(400)
  const answers = [
    gate.admit(plain([big])),
    gate.admit(agentBatch(1, 1, { records: columns([big]) })),
    gate.admit(plain([big])),
    gate.admit(agentBatch(2, 1, { records: columns([big]) }))
  ]
  await settle()
  loaded()
  const acks = await Promise.all(answers)
  assert.deepEqual(codes(acks), ['ok', 'ok', 'unavailable', 'unavailable'])
  assert.ok(acks[2]?.retryAfterMs)
  assert.equal(disk.records.length, 2)
})

test('a batch with an idempotency key is stored once, also in a later life', async (t) => {
  const { gate, disk } = await setup(t)
  const batch = plain(['a', 'b'], { idempotencyKey: 'k1' })
  const acks = [await gate.admit(batch), await gate.admit(batch)]
  const next = await setup(t, { disk })
  acks.push(await next.gate.admit(batch))
  assert.deepEqual(codes(acks), ['ok', 'ok', 'ok'])
  assert.deepEqual(texts(disk), ['a', 'b'])
})

test('the same key of another device, on another stream, or another key is another batch', async (t) => {
  const { gate, sharding, disk } = await setup(t)
  sharding.streams = ['telemetry', 'other']
  const batch = plain(['a'], { idempotencyKey: 'k1' })
  for (const more of [{}, { principal: pi }, { stream: 'other' }, { idempotencyKey: 'k2' }]) {
    assert.equal((await gate.admit({ ...batch, ...more })).code, 'ok')
  }
  assert.equal(disk.records.length, 4)
})

test('a key used again for other records is refused and nothing is dropped in silence', async (t) => {
  const { gate } = await setup(t)
  await gate.admit(plain(['ab', 'c'], { idempotencyKey: 'k1' }))
  for (const other of [['ab', 'c', 'd'], ['ab'], ['a', 'bc']]) {
    const ack = await gate.admit(plain(other, { idempotencyKey: 'k1' }))
    assert.equal(ack.code, 'invalid')
    assert.match(ack.message ?? '', /Idempotency-Key/)
  }
})

test('what is forgotten because a table is full is counted by table', async (t) => {
  const { gate } = await setup(t, { limits: { maxSources: 2 }, quota: { recordsPerSecond: 100 } })
  for (let n = 0; n < 5; n++) await gate.admit(plain(['a'], { idempotencyKey: `k${n}` }))
  assert.deepEqual(gate.stats().forgotten, { sources: 3, keys: 3, quotas: 0, ledgers: 0 })
  for (let n = 0; n < 12; n++) {
    await gate.admit(plain(['a'], { principal: { ...pi, device: `pi-${n}` } }))
  }
  assert.deepEqual(gate.stats().forgotten, { sources: 3, keys: 3, quotas: 3, ledgers: 0 })
})

test('in the account of a device all that was received is stored, repeated or rejected', async (t) => {
  const { gate, clock } = await setup(t)
  const big = 'x'.repeat(2000)
  const records = { records: columns([big, 'fine', big, 'fine']) }
  for (let i = 0; i < 2; i++) await gate.admit(agentBatch(1, 4, records))
  // Overlaps the first one by half.
  const { header } = agentBatch(3, 4)
  await gate.admit(
    agentBatch(3, 4, { ...records, ...(header ? { header: { ...header, prev: 0 } } : {}) })
  )
  const early = gate.admit(agentBatch(20, 1))
  await clock.advance(300)
  await early
  await gate.admit(agentBatch(7, 2, { stream: 'absent' }))
  const { received, stored, repeated, rejected, turnedAway, bytes } =
    (await gate.ledger('pi-1')) ?? {}
  assert.deepEqual(
    { received, stored, repeated, rejected, turnedAway, bytes },
    {
      received: 12,
      stored: 3,
      repeated: 3,
      rejected: { too_large: 6 },
      turnedAway: { out_of_order: 1, unknown_stream: 2 },
      bytes: 300
    }
  )
  assert.equal(gate.stats().storedRecords, 3)
  assert.equal(gate.stats().repeatedRecords, 3)
})

test('a defect below is answered as unavailable, and admit does not reject', async (t) => {
  const { gate, sharding } = await setup(t)
  sharding.maxRecordBytes = () => {
    throw new TypeError('a defect')
  }
  assert.deepEqual(codes([await gate.admit(plain(['a'])), await gate.admit(agentBatch(1, 1))]), [
    'unavailable',
    'unavailable'
  ])
})

test('stop takes nothing new, ends the wait of early batches and finishes what is under way', async (t) => {
  const { gate, sharding } = await setup(t)
  sharding.holds = true
  const underWay = gate.admit(agentBatch(1, 1))
  const early = gate.admit(agentBatch(5, 1))
  await settle()
  let stopped = false
  const deadline = new AbortController()
  const stop = gate.stop(deadline.signal)
  void stop.then(() => {
    stopped = true
  })
  assert.equal(gate.stop(deadline.signal), stop)
  assert.equal((await gate.admit(plain(['late']))).code, 'unavailable')
  assert.equal((await early).code, 'out_of_order')
  await settle()
  assert.equal(stopped, false)
  sharding.land()
  assert.equal((await underWay).code, 'ok')
  await stop
})

test('stop waits no longer than its deadline', async (t) => {
  const { gate, sharding } = await setup(t)
  sharding.holds = true
  const underWay = gate.admit(plain(['a']))
  await settle()
  const deadline = new AbortController()
  const stop = gate.stop(deadline.signal)
  deadline.abort()
  await stop
  sharding.lose()
  assert.equal((await underWay).code, 'unavailable')
})

test('the counts add up', async (t) => {
  const { gate } = await setup(t)
  await gate.admit(agentBatch(1, 3))
  await gate.admit(agentBatch(1, 4))
  await gate.admit(plain(['a', 'x'.repeat(2000)]))
  await gate.admit(plain(['a'], { stream: 'nope' }))
  assert.deepEqual(gate.stats(), {
    receivedRecords: 10,
    receivedBytes: 220,
    storedRecords: 5,
    repeatedRecords: 3,
    rejectedRecords: { too_large: 1 },
    answers: { ok: 3, unknown_stream: 1 },
    sources: 1,
    forgotten: { sources: 0, keys: 0, quotas: 0, ledgers: 0 }
  })
})
