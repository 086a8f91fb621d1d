import type { PutEntry, PutOutcome } from '../../../gateway/engines/engine.ts'
import type { DeadLetter } from '../../../gateway/sharding/dead-letter.ts'
import { Router } from '../../../gateway/sharding/router.ts'
import type { AdmittedBatch } from '../../../gateway/sharding/sharding.ts'
import type { ShardingOptions } from '../../../gateway/sharding/sharding-options.ts'
import { decodeAggregate } from '../../../shared/kpl/deaggregate.ts'
import type { SequenceSource } from '../../../shared/kpl/kpl.ts'
import { createLog } from '../../../shared/log.ts'
import { FakeEngine, type FakeEngineOptions } from '../../support/fake-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

export const stream = 'telemetry'
export const source: SequenceSource = { device: 'pi-1', epoch: 'e'.repeat(32), lane: 0 }

/**
 * A fake engine that remembers what it was given, and answers as the test says where it says so.
 * Two puts for one shard at a time are noted as `crowded`.
 */
export class ScriptedEngine extends FakeEngine {
  readonly seen: (readonly PutEntry[])[] = []
  /** Shards for which a put came while one was under way. */
  readonly crowded: string[] = []
  readonly #busy = new Set<string>()
  script: ((entries: readonly PutEntry[]) => PutOutcome[] | undefined) | undefined

  override async put(
    name: string,
    entries: readonly PutEntry[],
    signal: AbortSignal
  ): Promise<PutOutcome[]> {
    this.seen.push(entries)
    const shards = new Set(entries.map(({ shard }) => shard))
    for (const shard of shards) {
      if (this.#busy.has(shard)) this.crowded.push(shard)
      this.#busy.add(shard)
    }
    try {
      return this.script?.(entries) ?? (await super.put(name, entries, signal))
    } finally {
      for (const shard of shards) this.#busy.delete(shard)
    }
  }
}

export interface Rig {
  readonly engine: ScriptedEngine
  readonly router: Router
  readonly clock: ManualClock
  readonly letters: DeadLetter[]
}

export interface RigOptions {
  readonly shards?: number
  readonly maxRecordBytes?: number
  readonly seed?: number
  readonly engine?: Partial<FakeEngineOptions>
  readonly sharding?: Partial<ShardingOptions>
}

/** A router over a fake engine, started, with the stream prepared. */
export async function rig(options: RigOptions = {}): Promise<Rig> {
  const clock = new ManualClock()
  const random = new SeededRandom(options.seed ?? 1)
  const engine = new ScriptedEngine({ clock, random, keepsMarks: true, ...options.engine })
  const { shards = 1, maxRecordBytes } = options
  await engine.create(stream, {
    shards,
    ...(maxRecordBytes === undefined ? {} : { maxRecordBytes })
  })
  const letters: DeadLetter[] = []
  const router = routerOver(engine, clock, {
    random,
    onDeadLetter: async (letter) => {
      letters.push(letter)
    },
    ...options.sharding
  })
  await router.start()
  await router.prepare(stream, source)
  return { engine, router, clock, letters }
}

export function routerOver(
  engine: FakeEngine,
  clock: ManualClock,
  options: Partial<ShardingOptions> = {}
): Router {
  return new Router({
    engine,
    clock,
    random: new SeededRandom(1),
    log: createLog('test', 'silent'),
    laneShareBytes: 8 * 1024 * 1024,
    maxBytes: 256 * 1024 * 1024,
    maxAggregateBytes: 1024 * 1024,
    maxSources: 1000,
    aggregation: () => 'kpl',
    onDeadLetter: async () => undefined,
    ...options
  })
}

/** A batch of one record for each key, data `<key>:<seq>` unless given. */
export function batch(
  keys: readonly string[],
  first: number,
  more: Partial<AdmittedBatch> & { readonly data?: readonly Buffer[] } = {}
): AdmittedBatch {
  const { data, ...rest } = more
  const table = [...new Set(keys)]
  const list = data ?? keys.map((key, i) => Buffer.from(`${key}:${first + i}`))
  return {
    stream,
    records: {
      keys: table,
      key: Uint32Array.from(keys, (key) => table.indexOf(key)),
      times: Float64Array.from(keys, (_, i) => 1_700_000_000_000 + first + i),
      lens: Uint32Array.from(list, (one) => one.length),
      data: Buffer.concat(list)
    },
    source,
    first,
    offsetMs: 0,
    repeatable: true,
    ...rest
  }
}

/** The data of all members of all entries of one put. */
export function members(entries: readonly Pick<PutEntry, 'data'>[]): string[] {
  return entries.flatMap(({ data }) => decodeAggregate(data)?.data.map(String) ?? ['plain'])
}

/** One outcome for every entry. */
export function all(entries: readonly PutEntry[], outcome: PutOutcome): PutOutcome[] {
  return entries.map(() => outcome)
}

export const failed: PutOutcome = { status: 'failed', message: 'later', retryable: true }
export const refused: PutOutcome = { status: 'failed', message: 'never', retryable: false }

/** Whether a promise is fulfilled, rejected or neither yet. */
export function watch(promise: Promise<void>): { state: 'pending' | 'done' | 'failed' } {
  const seen: { state: 'pending' | 'done' | 'failed' } = { state: 'pending' }
  promise.then(
    () => {
      seen.state = 'done'
    },
    () => {
      seen.state = 'failed'
    }
  )
  return seen
}
