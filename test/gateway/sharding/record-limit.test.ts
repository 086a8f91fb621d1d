import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { readStream } from '../../../gateway/reading/reader.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { sourceKey } from '../../../shared/kpl/kpl.ts'
import type { FakeEngine } from '../../support/fake-engine.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { batch, rig, source, stream, watch } from './rig.ts'

const mebibyte = 1024 * 1024
const never = new AbortController().signal

/** `<key>:<seq> ` and as many bytes more. */
function padded(key: string, seq: number, bytes: number): Buffer {
  return Buffer.concat([Buffer.from(`${key}:${seq} `), Buffer.alloc(bytes)])
}

/** What a reader gets, without the padding. */
async function readTexts(engine: FakeEngine): Promise<string[]> {
  const texts: string[] = []
  const options = { stream, from: 'start', follow: false, signal: never } as const
  for await (const records of readStream(engine, options)) {
    for (const { data } of records) texts.push(data.toString('latin1').split(' ')[0] ?? '')
  }
  return texts
}

/** A router with one put on its way when the stream begins to take records of 1 MiB at most. */
async function lowered(aggregation: 'kpl' | 'per-key' | 'off', sizes: readonly number[]) {
  const made = await rig({
    maxRecordBytes: 4 * mebibyte,
    engine: { troubles: { latencyMs: 10 } },
    sharding: {
      lingerMs: 0,
      maxAggregateBytes: 4 * mebibyte,
      aggregation: () => aggregation,
      onDeadLetter: () => new Promise<void>(() => undefined)
    }
  })
  const keys = sizes.map((_, i) => (i === 3 ? 'b' : 'a'))
  const data = sizes.map((bytes, i) => padded(keys[i] ?? '', i + 1, bytes))
  const durable = watch(made.router.take(batch(keys, 1, { data })).durable)
  await made.clock.advance(5)
  assert.equal(made.engine.seen.length, 1, 'a put is on its way')
  made.engine.limitRecords(stream, mebibyte)
  await made.clock.advance(10_000)
  return { ...made, keys, durable }
}

for (const aggregation of ['kpl', 'per-key'] as const) {
  test(`${aggregation}: an aggregate that became too large is stored in parts before what follows it`, async () => {
    const sizes = [700_000, 700_000, 700_000, 10, 10, 10]
    const { engine, durable, keys } = await lowered(aggregation, sizes)
    assert.equal(durable.state, 'done')
    assert.deepEqual(
      await readTexts(engine),
      keys.map((key, i) => `${key}:${i + 1}`)
    )
  })
}

for (const aggregation of ['kpl', 'per-key', 'off'] as const) {
  test(`${aggregation}: no mark passes a record that became too large before that one is parked`, async () => {
    const { engine, durable } = await lowered(aggregation, [10, 2_000_000, 10, 10, 10])
    assert.equal(durable.state, 'pending')
    const marks = await engine.marks(stream, sourceKey(source))
    assert.deepEqual(
      marks.map(({ seq }) => seq),
      [1]
    )
  })
}

test('what is packed after the limit fell is within it, and after it rose as large as allowed', async () => {
  const { router, engine, clock } = await rig({
    maxRecordBytes: 4 * mebibyte,
    sharding: { lingerMs: 0, maxAggregateBytes: 4 * mebibyte }
  })
  const sizes: number[][] = []
  for (const [round, mebibytes] of [4, 1, 2].entries()) {
    engine.limitRecords(stream, mebibytes * mebibyte)
    await clock.advance(1)
    const before = engine.seen.length
    const first = 1 + round * 6
    const data = Array.from({ length: 6 }, (_, i) => padded('a', first + i, 600_000))
    const { durable } = router.take(batch(Array<string>(6).fill('a'), first, { data }))
    await clock.advance(1_000)
    await durable
    const puts = engine.seen.slice(before).flat()
    sizes.push(puts.map((entry) => Math.round(entry.data.length / 600_000)))
  }
  assert.deepEqual(sizes, [[6], [1, 1, 1, 1, 1, 1], [3, 3]])
})

test('an aggregate that was stored although its put broke, and became too large, is read once', async () => {
  const { router, engine, clock } = await rig({
    maxRecordBytes: 4 * mebibyte,
    engine: { troubles: { cutAfter: 1 } },
    sharding: { lingerMs: 0, maxAggregateBytes: 4 * mebibyte }
  })
  const data = [1, 2, 3].map((seq) => padded('a', seq, 700_000))
  const { durable } = router.take(batch(['a', 'a', 'a'], 1, { data }))
  await clock.advance(1)
  engine.troubles.cutAfter = 0
  engine.limitRecords(stream, mebibyte)
  await clock.advance(10_000)
  await durable
  assert.ok(engine.stored(stream, 'shardId-000000000000').length > 3, 'it is stored twice')
  assert.deepEqual(await readTexts(engine), ['a:1', 'a:2', 'a:3'])
})

async function splitOne(engine: FakeEngine, random: SeededRandom): Promise<void> {
  const open = (await engine.describe(stream)).shards.filter((shard) => shard.open)
  await engine.split(stream, open[random.below(open.length)]?.id ?? '')
}

const fraction = fc.constantFrom(0, 0.2)
const troubles = fc.record(
  { throttled: fraction, failed: fraction, cutAfter: fraction, cutBefore: fraction },
  { noNullPrototype: true }
)
const mode = fc.constantFrom('kpl' as const, 'per-key' as const)
const options = fc.record({ troubles, mode, keepsMarks: fc.boolean() }, { noNullPrototype: true })

test('each record is read once and in order per key while the limit rises and falls, through failures and splits', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 2 ** 31 }), options, async (seed, { mode, ...engine }) => {
      const random = new SeededRandom(seed)
      const made = await rig({
        seed,
        maxRecordBytes: 4 * mebibyte,
        engine: { ...engine, troubles: { ...engine.troubles, latencyMs: 3 } },
        sharding: { maxAggregateBytes: 4 * mebibyte, aggregation: () => mode }
      })
      const taken = new Map<string, string[]>()
      let next = 1
      const states: { state: string }[] = []
      for (let round = 0; round < 12; round++) {
        const keys = Array.from({ length: 1 + random.below(6) }, () => `k${random.below(3)}`)
        const data = keys.map((key, i) => padded(key, next + i, random.below(3) * 450_000))
        try {
          states.push(watch(made.router.take(batch(keys, next, { data })).durable))
        } catch (error) {
          assert.ok(error instanceof HeadwaterError && error.code === 'throttled', String(error))
          await made.clock.advance(error.retryAfterMs ?? 0)
          continue
        }
        for (const [i, key] of keys.entries()) {
          taken.set(key, [...(taken.get(key) ?? []), `${key}:${next + i}`])
        }
        next += keys.length
        if (random.below(2) === 0)
          made.engine.limitRecords(stream, (1 + random.below(4)) * mebibyte)
        if (engine.keepsMarks && random.below(4) === 0) await splitOne(made.engine, random)
        await made.clock.advance(random.below(12))
      }
      for (let i = 0; i < 200 && states.some(({ state }) => state === 'pending'); i++) {
        await made.clock.advance(10_000)
      }
      await made.router.stop(AbortSignal.abort())
      assert.ok(states.every(({ state }) => state === 'done'))
      assert.deepEqual(made.letters, [])
      const texts = await readTexts(made.engine)
      const ofKey = (key: string) => texts.filter((text) => text.startsWith(`${key}:`))
      for (const [key, some] of taken) assert.deepEqual(ofKey(key), some)
      assert.equal(texts.length, next - 1)
    }),
    { numRuns: 15, includeErrorInReport: true }
  )
})
