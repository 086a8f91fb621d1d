import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { StreamReader } from '../../../../gateway/reading/stream-reader.ts'
import { entry, hashOf, putAll } from '../../../support/engine-calls.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { life } from './running-engine.ts'

const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`)

/** Puts `text` under every key, into the shard that has it now. */
async function putEach(engine: EmbeddedEngine, text: string): Promise<void> {
  const { shards } = await engine.describe('s')
  for (const partitionKey of keys) {
    const hash = hashOf(partitionKey)
    const shard = shards.find(
      ({ open, range }) => open && range.start <= BigInt(hash) && BigInt(hash) <= range.end
    )
    assert.ok(shard)
    await putAll(engine, [entry({ text, partitionKey, hash, shard: shard.id })])
  }
}

/** What a reader gives, by key. */
async function readAll(engine: EmbeddedEngine): Promise<Map<string, string[]>> {
  const signal = new AbortController().signal
  const reader = new StreamReader(engine, { stream: 's', from: 'start', follow: false, signal })
  const read = new Map<string, string[]>()
  for await (const batch of reader.records()) {
    for (const { partitionKey, data } of batch) {
      read.set(partitionKey, [...(read.get(partitionKey) ?? []), data.toString()])
    }
  }
  return read
}

test('a reader gets each record once and in order through any scaling, also after a restart', async (t) => {
  const directory = await tempDir(t)
  const counts = [5, 2, 30, 7, 1, 3]
  const expected = ['0', ...counts.map(String)]
  const assertAll = (read: Map<string, string[]>) => {
    for (const key of keys) assert.deepEqual(read.get(key), expected, key)
  }
  await life({ directory }, async (engine) => {
    await engine.create('s', { shards: 3 })
    await putEach(engine, '0')
    for (const count of counts) {
      await engine.scale('s', count)
      await putEach(engine, String(count))
    }
    assertAll(await readAll(engine))
  })
  await life({ directory }, async (engine) => assertAll(await readAll(engine)))
})

test('sequence numbers of a key rise through a scaling at one moment', async (t) => {
  await life({ directory: await tempDir(t) }, async (engine) => {
    await engine.create('s', { shards: 1 })
    const [before = ''] = await putAll(engine, [entry({ text: 'a' })])
    await engine.scale('s', 64)
    await engine.scale('s', 3)
    const { shards } = await engine.describe('s')
    const shard = shards.find((one) => one.open && one.range.start === 0n)
    const [after = ''] = await putAll(engine, [entry({ text: 'b', shard: shard?.id ?? '' })])
    assert.ok(BigInt(after) > BigInt(before))
  })
})
