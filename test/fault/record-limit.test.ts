import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { readStream } from '../../gateway/reading/reader.ts'
import { Router } from '../../gateway/sharding/router.ts'
import { systemClock } from '../../shared/clock.ts'
import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import type { SequenceSource } from '../../shared/kpl/kpl.ts'
import { runningEngine } from '../gateway/engines/embedded/running-engine.ts'
import { callerOf, streamArn } from '../gateway/engines/embedded/wire/control/control-plane.ts'
import { cleanUp } from '../support/cleanup.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { tempDir } from '../support/temp-dir.ts'

const never = new AbortController().signal
const source: SequenceSource = { device: 'pi-1', epoch: 'e'.repeat(32), lane: 0 }

/** Eight records, each `<key>:<seq> ` and up to 700 kB more; their texts are added to `written`. */
function columnsFrom(first: number, random: SeededRandom, written: Map<string, string[]>) {
  const builder = new ColumnsBuilder({ partitionKey: '', time: 1_700_000_000_000 })
  for (let seq = first; seq < first + 8; seq++) {
    const partitionKey = seq < first + 4 ? 'a' : 'b'
    const text = `${partitionKey}:${seq}`
    const padding = Buffer.alloc(random.below(3) * 350_000)
    builder.add(Buffer.concat([Buffer.from(`${text} `), padding]), { partitionKey })
    written.set(partitionKey, [...(written.get(partitionKey) ?? []), text])
  }
  return builder.build()
}

for (const aggregation of ['kpl', 'per-key'] as const) {
  test(`${aggregation}: UpdateMaxRecordSize under load loses, doubles and swaps nothing for readers`, async (t) => {
    const random = new SeededRandom()
    t.diagnostic(`seed ${random.seed}`)
    const engine = await runningEngine(t, await tempDir(t), { clock: systemClock })
    await engine.create('s', { shards: 1, maxRecordBytes: 4 * 1024 * 1024 })
    const call = callerOf(engine, { limits: 'none', clock: systemClock })
    const router = new Router({
      engine,
      clock: systemClock,
      random,
      log: pino({ level: 'silent' }),
      lingerMs: 0,
      laneShareBytes: 64 * 1024 * 1024,
      maxBytes: 64 * 1024 * 1024,
      maxAggregateBytes: 4 * 1024 * 1024,
      maxSources: 10,
      aggregation: () => aggregation,
      onDeadLetter: () => assert.fail('a record was parked')
    })
    await router.start()
    cleanUp(t, () => router.stop(AbortSignal.abort()))
    await router.prepare('s', source)
    const written = new Map<string, string[]>()
    const durable: Promise<void>[] = []
    const limit = (MaxRecordSizeInKiB: number) =>
      call('UpdateMaxRecordSize', { StreamARN: streamArn('s'), MaxRecordSizeInKiB })
    for (let round = 0; round < 12; round++) {
      const first = 1 + round * 8
      const records = columnsFrom(first, random, written)
      const batch = { stream: 's', records, source, first, offsetMs: 0, repeatable: true }
      await limit(4096)
      await delay(random.below(20))
      // The put is packed as the limit was, and judged as it is then.
      const lowered = limit(1024)
      durable.push(router.take(batch).durable)
      await lowered
    }
    await Promise.all(durable)
    const read = new Map<string, string[]>()
    const options = { stream: 's', from: 'start', follow: false, signal: never } as const
    for await (const records of readStream(engine, options)) {
      for (const { partitionKey, data } of records) {
        const [text = ''] = data.toString('latin1').split(' ')
        read.set(partitionKey, [...(read.get(partitionKey) ?? []), text])
      }
    }
    assert.deepEqual(read, written)
  })
}
