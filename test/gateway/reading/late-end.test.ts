import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadRange, ReadResult, ShardId } from '../../../gateway/engines/engine.ts'
import { readStream } from '../../../gateway/reading/reader.ts'
import { entry, putAll, shardId } from '../../support/engine-calls.ts'
import { FakeEngine } from '../../support/fake-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

/**
 * Tells the end of a closed shard as Kinesis may: the last records come with a place to go on from,
 * then so does nothing at all, and only then there is none.
 */
class LateEnd extends FakeEngine {
  #empty = 0

  override async read(stream: string, shard: ShardId, range: ReadRange): Promise<ReadResult> {
    const result = await super.read(stream, shard, range)
    if (result.next || (result.records.length === 0 && this.#empty++ > 0)) return result
    const last = result.records.at(-1)
    return { ...result, next: last ? { at: 'after', sequence: last.sequence } : range.from }
  }
}

test('a reader that does not follow goes on from a closed shard to its children', async () => {
  const engine = new LateEnd({ clock: new ManualClock(), random: new SeededRandom(1) })
  await engine.create('s', { shards: 1 })
  await putAll(engine, [entry({ data: Buffer.from('before') })])
  await engine.split('s', shardId(0))
  await putAll(engine, [entry({ data: Buffer.from('after') })])
  const texts: string[] = []
  const options = { stream: 's', from: 'start', follow: false } as const
  for await (const batch of readStream(engine, {
    ...options,
    signal: new AbortController().signal
  })) {
    texts.push(...batch.map((record) => record.data.toString()))
  }
  assert.deepEqual(texts, ['before', 'after'])
})
