import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { HeadwaterError } from '../../../shared/errors.ts'
import { type SequenceSource, sourceKey } from '../../../shared/kpl/kpl.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { byKey, type ReadMember, readAll } from './model-reader.ts'
import { batch, rig, type RigOptions, stream, watch } from './rig.ts'

const sources: readonly SequenceSource[] = [
  { device: 'pi-1', epoch: 'a'.repeat(32), lane: 0 },
  { device: 'pi-1', epoch: 'a'.repeat(32), lane: 1 },
  { device: 'pi-2', epoch: 'b'.repeat(32), lane: 0 }
]
const keys = Array.from({ length: 12 }, (_, i) => `key-${i}`)

interface Run extends RigOptions {
  readonly marksBy?: 'shard' | 'part'
  readonly seed: number
  /** How often a batch is followed by a split or a merge. */
  readonly reshard: number
}

/** Sends batches through every trouble and gives back what was taken and what is read. */
async function run({ seed, reshard, marksBy = 'shard', ...options }: Run) {
  const random = new SeededRandom(seed)
  const { engine, router, clock } = await rig({ seed, shards: 3, ...options })
  for (const source of sources) await router.prepare(stream, source)
  const next = sources.map(() => 1)
  const taken = new Map<string, string[]>()
  const states: { state: string }[] = []
  for (let n = 0; n < 60; n++) {
    const which = random.below(sources.length)
    const source = sources[which] as SequenceSource
    const chosen = Array.from(
      { length: 1 + random.below(8) },
      () => keys[random.below(12)] as string
    )
    const first = next[which] as number
    try {
      states.push(watch(router.take(batch(chosen, first, { source })).durable))
    } catch (error) {
      assert.ok(error instanceof HeadwaterError && error.code === 'throttled', String(error))
      await clock.advance(error.retryAfterMs ?? 0)
      continue
    }
    chosen.forEach((key, i) => {
      const list = taken.get(key) ?? []
      taken.set(key, list)
      list.push(`${sourceKey(source)}#${first + i}`)
    })
    next[which] = first + chosen.length
    if (random.fraction() < reshard) await reshape(engine, random)
    if (random.fraction() < 0.5) await clock.advance(random.below(20))
  }
  for (let i = 0; i < 200 && states.some(({ state }) => state === 'pending'); i++) {
    await clock.advance(10_000)
  }
  await router.stop(AbortSignal.abort())
  assert.deepEqual(
    states.filter(({ state }) => state !== 'done'),
    []
  )
  assert.deepEqual(engine.crowded, [], 'at most one put for a shard is under way')
  assert.equal(router.stats().bytes, 0)
  assert.equal(clock.sleeping, 0)
  return { taken, read: await readAll(engine, stream, marksBy) }
}

type Engine = Awaited<ReturnType<typeof rig>>['engine']

/** Splits an open shard or merges two neighbours. */
async function reshape(engine: Engine, random: SeededRandom): Promise<void> {
  const { shards } = await engine.describe(stream)
  const open = shards
    .filter((shard) => shard.open)
    .sort((a, b) => (a.range.start < b.range.start ? -1 : 1))
  const at = random.below(open.length)
  const [one, other] = [open[at], open[at + 1]]
  try {
    if (one && other && random.fraction() < 0.5) await engine.merge(stream, one.id, other.id)
    else if (one) await engine.split(stream, one.id)
  } catch (error) {
    // A put split the same shard meanwhile.
    assert.ok(error instanceof HeadwaterError && error.code === 'conflict', String(error))
  }
}

const troubles = fc.record(
  {
    throttled: fc.constantFrom(0, 0.3),
    failed: fc.constantFrom(0, 0.2),
    cutAfter: fc.constantFrom(0, 0.2),
    cutBefore: fc.constantFrom(0, 0.2),
    latencyMs: fc.constantFrom(0, 1, 7),
    splitEvery: fc.constantFrom(0, 6)
  },
  { noNullPrototype: true }
)
const seed = fc.nat({ max: 2 ** 31 })
const maxAggregateBytes = fc.constantFrom(150, 400, 100_000)
const laneShareBytes = fc.constantFrom(1500, 100_000)
const mode = fc.constantFrom('kpl' as const, 'per-key' as const)
const runs = { numRuns: 60, includeErrorInReport: true }

test('each record is read once and in order per key, through failures, splits and merges', async () => {
  await fc.assert(
    fc.asyncProperty(
      seed,
      troubles,
      fc.record({ maxAggregateBytes, laneShareBytes, mode }, { noNullPrototype: true }),
      async (seed, troubles, { mode, ...sharding }) => {
        const { taken, read } = await run({
          seed,
          reshard: 0.1,
          engine: { troubles },
          sharding: { ...sharding, aggregation: () => mode }
        })
        assert.deepEqual(byKey(read), sortedAs(taken, byKey(read)))
      }
    ),
    runs
  )
})

test('a remote engine gets each record once and in order per key while its shards stay', async () => {
  await fc.assert(
    fc.asyncProperty(seed, troubles, maxAggregateBytes, async (seed, troubles, size) => {
      const { taken, read } = await run({
        seed,
        reshard: 0,
        engine: { keepsMarks: false, troubles: { ...troubles, splitEvery: 0 } },
        sharding: { maxAggregateBytes: size }
      })
      assert.deepEqual(byKey(read), sortedAs(taken, byKey(read)))
    }),
    runs
  )
})

test('a remote engine that reshards gets each record once, in order within each part of a shard', async () => {
  await fc.assert(
    fc.asyncProperty(seed, troubles, maxAggregateBytes, async (seed, troubles, size) => {
      const { taken, read } = await run({
        seed,
        reshard: 0.1,
        marksBy: 'part',
        engine: { keepsMarks: false, troubles: { ...troubles, cutAfter: 0 } },
        sharding: { maxAggregateBytes: size }
      })
      assert.deepEqual([...byKey(read).values()].flat().sort(), [...taken.values()].flat().sort())
      assert.deepEqual(outOfOrder(read), [])
    }),
    runs
  )
})

test('a remote engine that reshards while puts are cut off loses nothing', async () => {
  await fc.assert(
    fc.asyncProperty(seed, troubles, maxAggregateBytes, async (seed, troubles, size) => {
      const { taken, read } = await run({
        seed,
        reshard: 0.1,
        engine: { keepsMarks: false, troubles: { ...troubles, cutAfter: 0.2 } },
        sharding: { maxAggregateBytes: size }
      })
      const stored = new Set(read.map(({ source, seq }) => `${source}#${seq}`))
      const lost = [...taken.values()].flat().filter((one) => !stored.has(one))
      assert.deepEqual(lost, [])
    }),
    runs
  )
})

/** The same map with its keys in the order of another, so that only lists are compared. */
function sortedAs(map: Map<string, string[]>, like: Map<string, string[]>): Map<string, string[]> {
  const order = [...like.keys()]
  return new Map([...map].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b)))
}

/** First sightings that come behind a later record of their source in the same place. */
function outOfOrder(read: readonly ReadMember[]): ReadMember[] {
  const highest = new Map<string, number>()
  return read.filter(({ place, seq, repeat }) => {
    if (repeat) return false
    const before = highest.get(place) ?? 0
    highest.set(place, Math.max(before, seq))
    return seq < before
  })
}
