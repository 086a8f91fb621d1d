import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '../../support/seeded-random.ts'
import { byKey, readAll } from './model-reader.ts'
import { batch, rig, routerOver, source, stream, watch } from './rig.ts'

/**
 * A sender that keeps its records until they are durable, and gateways that are killed: each new
 * one is sent everything again from the oldest record that is not known to be durable.
 */
async function run(seed: number) {
  const random = new SeededRandom(seed)
  const {
    engine,
    clock,
    router: first
  } = await rig({
    seed,
    shards: 2,
    engine: { troubles: { latencyMs: 3, throttled: 0.2, splitEvery: 7 } }
  })
  const keys = Array.from({ length: 80 }, () => `key-${random.below(6)}`)
  let floor = 0
  let router = first
  for (let life = 0; life < 6 && floor < keys.length; life++) {
    const pieces: { readonly end: number; readonly seen: { state: string } }[] = []
    let at = floor
    for (
      let step = random.below(6) + (life === 5 ? 100 : 1);
      step > 0 && at < keys.length;
      step--
    ) {
      const end = Math.min(keys.length, at + 1 + random.below(12))
      const { durable } = router.take(batch(keys.slice(at, end), at + 1))
      pieces.push({ end, seen: watch(durable) })
      at = end
      await clock.advance(random.below(8))
    }
    if (life === 5) await clock.advance(1_000_000)
    for (const { end, seen } of pieces) {
      if (seen.state !== 'done') break
      floor = end
    }
    await router.stop(AbortSignal.abort())
    router = routerOver(engine, clock)
    await router.start()
    await router.prepare(stream, source)
  }
  await router.stop(AbortSignal.abort())
  assert.equal(floor, keys.length)
  return { keys, read: await readAll(engine, stream) }
}

test('records sent again to a new gateway are stored once, through splits', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 2 ** 31 }), async (seed) => {
      const { keys, read } = await run(seed)
      assert.deepEqual(
        read.filter(({ repeat }) => repeat),
        []
      )
      const seqs = [...byKey(read).values()].flat().map((text) => Number(text.split('#')[1]))
      assert.deepEqual(
        seqs.toSorted((a, b) => a - b),
        keys.map((_, i) => i + 1)
      )
    }),
    { numRuns: 60, includeErrorInReport: true }
  )
})
