import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import type { StreamAdmin, StreamEngine, StreamRecord } from '../../gateway/engines/engine.ts'
import { readStream } from '../../gateway/reading/reader.ts'
import type { Aggregation } from '../../gateway/sharding/packing.ts'
import { Router } from '../../gateway/sharding/router.ts'
import { systemClock } from '../../shared/clock.ts'
import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import type { SequenceSource } from '../../shared/kpl/kpl.ts'
import { cleanUp } from './cleanup.ts'
import { readAsKcl } from './kcl-reader.ts'
import { SeededRandom } from './seeded-random.ts'

const never = new AbortController().signal
export const sources: readonly SequenceSource[] = ['pi-1', 'pi-2'].map((device) => ({
  device,
  epoch: 'e'.repeat(32),
  lane: 0
}))
export const keys = Array.from({ length: 24 }, (_, i) => `key-${i}`)

/** Where somebody else changes the shards of stream `s`, so that the writing engine is not told. */
export type Elsewhere = StreamAdmin & Pick<StreamEngine, 'describe'>

/** A router with small aggregates over an engine with stream `s`. */
export async function routerOver(
  t: TestContext,
  engine: StreamEngine,
  aggregation: Aggregation
): Promise<Router> {
  const router = new Router({
    engine,
    clock: systemClock,
    random: new SeededRandom(),
    log: pino({ level: 'silent' }),
    lingerMs: 2,
    laneShareBytes: 8 * 1024 * 1024,
    maxBytes: 64 * 1024 * 1024,
    maxAggregateBytes: 2048,
    maxSources: 10,
    aggregation: () => aggregation,
    onDeadLetter: () => assert.fail('a record was parked')
  })
  await router.start()
  cleanUp(t, () => router.stop(AbortSignal.abort()))
  for (const source of sources) await router.prepare('s', source)
  return router
}

/** Takes a batch of one source: four records of each key. */
export function takeBatch(router: Router, source: SequenceSource, first: number) {
  const builder = new ColumnsBuilder({ partitionKey: '', time: 1_700_000_000_000 })
  for (let i = 0; i < keys.length * 4; i++) {
    const partitionKey = `${source.device} ${keys[i % keys.length]}`
    builder.add(Buffer.from(`${partitionKey} ${first + i}`), { partitionKey })
  }
  const records = builder.build()
  return router.take({ stream: 's', records, source, first, offsetMs: 0, repeatable: true })
}

/** Splits or merges some shard. */
async function reshard(elsewhere: Elsewhere, random: SeededRandom): Promise<void> {
  const open = (await elsewhere.describe('s')).shards
    .filter((shard) => shard.open)
    .toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1))
  const at = random.below(open.length)
  const [shard, next] = open.slice(at)
  if (!shard) return
  if (open.length > 6 || (next && random.below(2) === 0)) {
    if (next) await elsewhere.merge('s', shard.id, next.id)
  } else await elsewhere.split('s', shard.id)
}

/** Writes through reshards that the engine learns of by their effects; gives all texts written. */
export async function writeThroughReshards(
  t: TestContext,
  { engine, elsewhere }: { readonly engine: StreamEngine; readonly elsewhere: Elsewhere },
  { rounds = 60, aggregation = 'kpl' }: { rounds?: number; aggregation?: Aggregation } = {}
): Promise<string[]> {
  const router = await routerOver(t, engine, aggregation)
  const random = new SeededRandom()
  t.diagnostic(`seed of the reshards ${random.seed}`)
  const durable: Promise<void>[] = []
  const written: string[] = []
  for (let round = 0; round < rounds; round++) {
    for (const source of sources) {
      const first = 1 + round * keys.length * 4
      durable.push(takeBatch(router, source, first).durable)
      for (let i = 0; i < keys.length * 4; i++) {
        written.push(`${source.device} ${keys[i % keys.length]} ${first + i}`)
      }
    }
    if (round % 4 === 3) await reshard(elsewhere, random)
    await delay(random.below(12))
  }
  await Promise.all(durable)
  return written
}

/** Every text once; a failure names some that are not. */
export function assertOnce(who: string, read: readonly string[], written: readonly string[]): void {
  const times = new Map(written.map((text) => [text, 0]))
  for (const text of read) times.set(text, (times.get(text) ?? 0) + 1)
  const lost = [...times].filter(([, count]) => count === 0).map(([text]) => text)
  const doubled = [...times].filter(([, count]) => count > 1).map(([text]) => text)
  const some = (texts: readonly string[]) => `${texts.length}: ${texts.slice(0, 5).join(', ')}`
  const message = `${who}: lost ${some(lost)}; doubled ${some(doubled)}`
  assert.ok(lost.length === 0 && doubled.length === 0, message)
  assert.equal(read.length, written.length)
}

export async function readAsOurs(engine: StreamEngine): Promise<string[]> {
  const texts: string[] = []
  const options = { stream: 's', from: 'start', follow: false, signal: never } as const
  for await (const batch of readStream(engine, options)) {
    texts.push(...batch.map(({ data }) => data.toString()))
  }
  return texts
}

/** What the KCL gives of all shards, which must drop nothing. */
export async function readAllAsKcl(engine: StreamEngine): Promise<string[]> {
  const texts: string[] = []
  for (const shard of (await engine.describe('s')).shards) {
    const { texts: some, dropped } = readAsKcl(shard, await recordsOf(engine, shard.id))
    assert.equal(dropped, 0, `the KCL drops aggregates of ${shard.id}`)
    texts.push(...some)
  }
  return texts
}

async function recordsOf(engine: StreamEngine, shard: string): Promise<StreamRecord[]> {
  const records: StreamRecord[] = []
  const limit = { maxRecords: 1_000, maxBytes: 10_000_000 }
  let from: Parameters<StreamEngine['read']>[2]['from'] | undefined = { at: 'start' }
  while (from) {
    const result = await engine.read('s', shard, { from, ...limit })
    records.push(...result.records)
    from = result.records.length === 0 && result.behindMs === 0 ? undefined : result.next
  }
  return records
}
