import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { EmbeddedEngine } from '../../../gateway/engines/embedded/embedded-engine.ts'
import type { StreamEngine } from '../../../gateway/engines/engine.ts'
import { decodeSequence } from '../../../gateway/engines/sequence-number.ts'
import { readStream, type UserRecord } from '../../../gateway/reading/reader.ts'
import { Router } from '../../../gateway/sharding/router.ts'
import { Forwarder } from '../../../gateway/spool/forwarder.ts'
import { Holds } from '../../../gateway/spool/holds.ts'
import { systemClock } from '../../../shared/clock.ts'
import { createLog } from '../../../shared/log.ts'
import { aggregateOf, sourceOf } from '../../support/aggregates.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { entry, hashOf, laneHash, putAll, shardId } from '../../support/engine-calls.ts'
import { FakeEngine, type Troubles } from '../../support/fake-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { runningEngine } from '../engines/embedded/running-engine.ts'

const never = new AbortController().signal
const stream = 's'
const log = createLog('test', 'silent')

interface Spool {
  readonly local: EmbeddedEngine
  readonly remote: FakeEngine
  readonly holds: Holds
  /** Starts a forwarder, as a new life of the gateway does. */
  readonly forward: () => Promise<Forwarder>
}

/** A local engine with four shards in front of a remote one with three, unless told otherwise. */
async function spool(t: TestContext, troubles: Troubles = {}, shards = 3): Promise<Spool> {
  const holds = new Holds()
  const local = await runningEngine(t, await tempDir(t), {
    clock: systemClock,
    heldFrom: (name) => holds.heldFrom(name)
  })
  await local.create(stream, { shards: 4 })
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const remote = new FakeEngine({ clock: systemClock, random, troubles })
  await remote.create(stream, { shards })
  const forward = async () => {
    const forwarder = new Forwarder({
      local,
      sharding: routerOver(remote, random),
      holds,
      clock: systemClock,
      random,
      log
    })
    await forwarder.start(never)
    cleanUp(t, () => forwarder.stop(AbortSignal.abort()))
    return forwarder
  }
  return { local, remote, holds, forward }
}

function routerOver(engine: StreamEngine, random: SeededRandom): Router {
  return new Router({
    engine,
    clock: systemClock,
    random,
    log,
    laneShareBytes: 64 * 1024,
    maxBytes: 1024 * 1024,
    maxAggregateBytes: 16 * 1024,
    maxSources: 1000,
    aggregation: () => 'kpl',
    onDeadLetter: async () => undefined
  })
}

/** `count` aggregates of ten records of one device each, numbered from `from`, over all local shards. */
async function store(local: EmbeddedEngine, from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 10) {
    const entries = Array.from({ length: Math.min(10, from + count - at) }, (_, i) => {
      const number = at + i
      const device = `device-${number % 7}`
      const first = Math.floor(number / 7) * 10 + 1
      const lane = (number % 7) % 4
      const members = Array.from({ length: 10 }, (_, j) => {
        const text = `${device}:${first + j}`
        return { source: sourceOf(device), seq: first + j, partitionKey: device, text }
      })
      const hash = laneHash(lane)
      return entry({ data: aggregateOf(members, hash), shard: shardId(lane), hash })
    })
    await putAll(local, entries)
  }
}

async function readRemote(engine: StreamEngine): Promise<UserRecord[]> {
  const records: UserRecord[] = []
  for await (const batch of readStream(engine, {
    stream,
    from: 'start',
    follow: false,
    signal: never
  })) {
    records.push(...batch)
  }
  return records
}

/** Waits until a reader of the remote engine finds so many records. */
async function arrived(engine: StreamEngine, count: number): Promise<UserRecord[]> {
  for (;;) {
    const records = await readRemote(engine)
    if (records.length >= count) return records
    await delay(50)
  }
}

function assertInOrder(records: readonly UserRecord[], count: number): void {
  const last = new Map<string, number>()
  for (const { device = '', seq = 0, data } of records) {
    assert.equal(data.toString(), `${device}:${seq}`)
    assert.equal(seq, (last.get(device) ?? 0) + 1, device)
    last.set(device, seq)
  }
  assert.equal(records.length, count)
}

test('what is stored locally arrives once and in order, over other shards', async (t) => {
  const { local, remote, forward } = await spool(t)
  await store(local, 0, 150)
  const forwarder = await forward()
  await store(local, 150, 150)
  assertInOrder(await arrived(remote, 3_000), 3_000)
  assert.deepEqual(
    forwarder.stats().streams.map(({ records }) => records),
    [3_000]
  )
})

test('a remote engine that throttles, fails, cuts and splits gets each record once for a reader', async (t) => {
  const troubles = { throttled: 0.3, failed: 0.1, cutBefore: 0.1, cutAfter: 0.1, splitEvery: 25 }
  const { local, remote, forward } = await spool(t, troubles)
  await store(local, 0, 300)
  await forward()
  assertInOrder(await arrived(remote, 3_000), 3_000)
})

test('while the remote engine is down all is kept, and carried on afterwards', async (t) => {
  const { local, remote, holds, forward } = await spool(t, { cutBefore: 1 })
  const forwarder = await forward()
  await store(local, 0, 300)
  await delay(1_500)
  assert.equal((await readRemote(remote)).length, 0)
  assert.equal(holds.heldFrom(stream), 0)
  assert.ok((forwarder.stats().streams[0]?.behindMs ?? 0) > 500)
  remote.troubles.cutBefore = 0
  assertInOrder(await arrived(remote, 3_000), 3_000)
})

for (const shards of [1, 2, 3, 8]) {
  test(`one device with many keys is read whole behind a remote engine with ${shards} shards, also when the local ones change`, async (t) => {
    const { local, remote, forward } = await spool(t, {}, shards)
    const next = new Map<string, number>()
    let seq = 0
    const storeRound = async () => {
      const open = (await local.describe(stream)).shards.filter((shard) => shard.open)
      for (let i = 0; i < 50; i++) {
        const partitionKey = `key-${i}`
        const hash = BigInt(hashOf(partitionKey))
        const shard = open.find(({ range }) => range.start <= hash && hash <= range.end)
        seq += 1
        next.set(partitionKey, (next.get(partitionKey) ?? 0) + 1)
        const text = `${partitionKey}:${next.get(partitionKey)}`
        const data = aggregateOf(
          [{ source: sourceOf('d'), seq, partitionKey, text }],
          hashOf(partitionKey)
        )
        await putAll(local, [entry({ data, hash: hashOf(partitionKey), shard: shard?.id ?? '' })])
      }
    }
    await forward()
    for (let round = 0; round < 4; round++) await storeRound()
    await local.split(stream, shardId(1))
    for (let round = 0; round < 2; round++) await storeRound()
    await local.merge(stream, shardId(2), shardId(3))
    for (let round = 0; round < 4; round++) await storeRound()
    const last = new Map<string, number>()
    for (const { partitionKey, data } of await arrived(remote, 500)) {
      const number = (last.get(partitionKey) ?? 0) + 1
      assert.equal(data.toString(), `${partitionKey}:${number}`)
      last.set(partitionKey, number)
    }
    assert.deepEqual(
      [...last.values()],
      Array.from({ length: 50 }, () => 10)
    )
  })
}

test('a stream that is deleted and made again is carried on from its beginning', async (t) => {
  const { local, remote, forward } = await spool(t)
  await store(local, 0, 70)
  const forwarder = await forward()
  await arrived(remote, 500)
  await local.split(stream, shardId(0))
  await putAll(local, [entry({ text: 'on its way', hash: '5', shard: shardId(4) })])
  await local.delete(stream)
  await local.create(stream, { shards: 1 })
  const texts = Array.from({ length: 20 }, (_, i) => `again ${i}`)
  await putAll(
    local,
    texts.map((text) => entry({ text, hash: '5', shard: shardId(0) }))
  )
  for (;;) {
    const found = (await readRemote(remote)).map(({ data }) => data.toString())
    if (texts.every((text) => found.includes(text))) break
    await delay(50)
  }
  await forwarder.stop(never)
})

test('a forwarder that stops does not wait for a remote engine that is away', async (t) => {
  const { local, forward } = await spool(t, { cutBefore: 1 })
  const forwarder = await forward()
  await store(local, 0, 20)
  await delay(200)
  const begun = performance.now()
  await forwarder.stop(never)
  assert.ok(performance.now() - begun < 5_000)
})

test('a forwarder of the next life goes on behind the checkpoint, and what it repeats is known', async (t) => {
  const { local, remote, holds, forward } = await spool(t)
  await store(local, 0, 140)
  const first = await forward()
  await arrived(remote, 1_400)
  await first.stop(never)
  assert.ok(holds.heldFrom(stream) > 0, 'the checkpoint is saved at the end')
  await store(local, 140, 140)
  const puts = remote.puts
  await forward()
  assertInOrder(await arrived(remote, 2_800), 2_800)
  assert.ok(remote.puts > puts)
})

test('records and aggregates of others get an identity that stays the same', async (t) => {
  const { local, remote, forward } = await spool(t)
  const foreign = Array.from({ length: 20 }, (_, i) =>
    entry({ text: `plain ${i}`, partitionKey: `k${i % 3}`, hash: laneHash(0), shard: shardId(0) })
  )
  await putAll(local, foreign)
  // The second forwarder begins at the start again, as after a crash before the first checkpoint.
  for (let lifes = 0; lifes < 2; lifes++) {
    await local.saveCheckpoint('headwater.spool', stream, JSON.stringify({ createdMs: -1 }))
    const forwarder = await forward()
    await arrived(remote, 20)
    await delay(100)
    await forwarder.stop(never)
  }
  const texts = (await readRemote(remote)).map(({ data }) => data.toString())
  assert.deepEqual(new Set(texts).size, 20)
  assert.equal(texts.length, 20)
  const byKey = (await readRemote(remote)).filter(({ partitionKey }) => partitionKey === 'k1')
  assert.deepEqual(
    byKey.map(({ data }) => data.toString()),
    [1, 4, 7, 10, 13, 16, 19].map((i) => `plain ${i}`)
  )
})

test('retention keeps what was not carried on', async (t) => {
  const holds = new Holds()
  const directory = await tempDir(t)
  const clock = new ManualClock()
  const options = { clock, segmentBytes: 1_000, heldFrom: (name: string) => holds.heldFrom(name) }
  const local = await runningEngine(t, directory, options)
  await local.create(stream, { shards: 1, retentionMs: 3_600_000 })
  for (let i = 0; i < 10; i++) await putAll(local, [entry({ text: `${i}`.repeat(600) })])
  await clock.advance(3 * 24 * 3_600_000)
  await local.sweep()
  const all = await readRemote(local)
  assert.equal(all.length, 10)
  const [seventh] = all.slice(6)
  holds.hold(stream, decodeSequence(seventh?.sequence ?? '')?.index ?? 0)
  await local.sweep()
  const left = await readRemote(local)
  assert.ok(left.length < 10)
  assert.ok(left.some(({ sequence }) => sequence === seventh?.sequence))
})
