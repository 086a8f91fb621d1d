import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { KinesisEngine } from '../../../../gateway/engines/kinesis/kinesis-engine.ts'
import { systemClock } from '../../../../shared/clock.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { FakeEngine, type Troubles } from '../../../support/fake-engine.ts'
import { FakeKinesis } from '../../../support/fake-kinesis.ts'
import { SeededRandom } from '../../../support/seeded-random.ts'

export interface KinesisRig {
  readonly kinesis: FakeKinesis
  /** What stands behind the service. */
  readonly store: FakeEngine
  readonly engine: KinesisEngine
}

/** A service and an engine that is not started. */
export async function kinesisRig(
  t: TestContext,
  options: {
    readonly troubles?: Troubles
    readonly stream?: string
    readonly refreshMs?: number
  } = {}
): Promise<KinesisRig> {
  const { troubles = {}, stream, refreshMs = 60_000 } = options
  const random = new SeededRandom()
  t.diagnostic(`seed ${random.seed}`)
  const store = new FakeEngine({ clock: systemClock, random, troubles, keepsMarks: false })
  const kinesis = new FakeKinesis(store)
  await kinesis.listen(t)
  const engine = new KinesisEngine({
    region: 'eu-north-1',
    endpoint: kinesis.url,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxConnections: 8,
    refreshMs,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    ...(stream === undefined ? {} : { stream })
  })
  cleanUp(t, () => engine.stop())
  return { kinesis, store, engine }
}

/** The same, started, with stream `s`. */
export async function startedRig(
  t: TestContext,
  options: Parameters<typeof kinesisRig>[1] & { readonly shards?: number } = {}
): Promise<KinesisRig> {
  const rig = await kinesisRig(t, options)
  await rig.store.create('s', { shards: options.shards ?? 1 })
  await rig.engine.start(new AbortController().signal)
  return rig
}
