import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Mark, ShardPosition } from '../../gateway/engines/engine.ts'
import {
  assertTiles,
  entry,
  isCode,
  laneHash,
  putAll,
  readTexts,
  shardId,
  textOf,
  type TestedEngine
} from '../support/engine-calls.ts'

/** Gives an engine that is not started; the suite stops it. */
export type EngineSetup = (t: TestContext) => Promise<TestedEngine>

const never = new AbortController().signal
const limit = { maxRecords: 1000, maxBytes: 10_000_000 }
const all = { from: { at: 'start' }, ...limit } as const

/** Every engine must pass this. */
export function engineContract(name: string, setup: EngineSetup): void {
  async function started(t: TestContext, shards = 1): Promise<TestedEngine> {
    const engine = await setup(t)
    await engine.start(never)
    t.after(() => engine.stop(never))
    await engine.create('s', { shards })
    return engine
  }

  test(`${name}: stop before start, and twice, resolves`, async (t) => {
    const engine = await setup(t)
    await engine.stop(never)
    await engine.stop(never)
  })

  test(`${name}: after stop a put rejects with unavailable`, async (t) => {
    const engine = await started(t)
    await engine.stop(never)
    await assert.rejects(engine.put('s', [entry({ text: 'a' })], never), isCode('unavailable'))
  })

  test(`${name}: a put with an aborted signal rejects and stores nothing`, async (t) => {
    const engine = await started(t)
    await assert.rejects(engine.put('s', [entry({ text: 'a' })], AbortSignal.abort()))
    assert.deepEqual(await readTexts(engine, shardId(0)), [])
  })

  test(`${name}: an unknown stream is refused by every call that names one`, async (t) => {
    const engine = await started(t)
    const unknown = isCode('unknown_stream')
    await assert.rejects(engine.describe('x'), unknown)
    await assert.rejects(engine.put('x', [entry({ text: 'a' })], never), unknown)
    await assert.rejects(engine.read('x', shardId(0), all), unknown)
    await assert.rejects(engine.changed('x', never), unknown)
    await assert.rejects(engine.delete('x'), unknown)
    await assert.rejects(engine.split('x', shardId(0)), unknown)
  })

  test(`${name}: a stream that exists is not created again`, async (t) => {
    const engine = await started(t)
    await assert.rejects(engine.create('s', { shards: 1 }), isCode('conflict'))
    assert.deepEqual(await engine.streams(), ['s'])
  })

  test(`${name}: a deleted stream is unknown and its name can be used again, empty`, async (t) => {
    const engine = await started(t)
    await putAll(engine, [entry({ text: 'old' })])
    await engine.delete('s')
    await assert.rejects(engine.describe('s'), isCode('unknown_stream'))
    await engine.create('s', { shards: 1 })
    assert.deepEqual(await readTexts(engine, shardId(0)), [])
  })

  test(`${name}: open shards tile the hash space, before and after split and merge`, async (t) => {
    const engine = await started(t, 3)
    assertTiles((await engine.describe('s')).shards)
    await engine.split('s', shardId(1))
    assertTiles((await engine.describe('s')).shards)
    await engine.merge('s', shardId(0), shardId(3))
    assertTiles((await engine.describe('s')).shards)
  })

  test(`${name}: outcomes have the length and order of the entries`, async (t) => {
    const engine = await started(t)
    const { maxRecordBytes } = await engine.describe('s')
    const outcomes = await engine.put(
      's',
      [entry({ text: 'a' }), entry({ data: Buffer.alloc(maxRecordBytes) }), entry({ text: 'c' })],
      never
    )
    assert.deepEqual(
      outcomes.map((one) => one.status),
      ['stored', 'failed', 'stored']
    )
    assert.equal(outcomes[1]?.status === 'failed' && outcomes[1].retryable, false)
    assert.deepEqual(await readTexts(engine, shardId(0)), ['a', 'c'])
  })

  test(`${name}: an entry of exactly the largest size is stored whole`, async (t) => {
    const engine = await started(t)
    const { maxRecordBytes } = await engine.describe('s')
    const data = Buffer.alloc(maxRecordBytes - 1, 7)
    await putAll(engine, [entry({ data, partitionKey: 'k' })])
    const { records } = await engine.read('s', shardId(0), all)
    assert.ok(records[0]?.data.equals(data))
  })

  test(`${name}: sequence numbers rise within a shard and name the record`, async (t) => {
    const engine = await started(t)
    const sequences: string[] = []
    for (let i = 0; i < 5; i++) {
      const texts = [`${i}a`, `${i}b`]
      sequences.push(
        ...(await putAll(
          engine,
          texts.map((text) => entry({ text }))
        ))
      )
    }
    assert.deepEqual(
      sequences,
      sequences.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))
    )
    assert.equal(new Set(sequences).size, sequences.length)
    const { records } = await engine.read('s', shardId(0), all)
    assert.deepEqual(
      records.map((record) => record.sequence),
      sequences
    )
  })

  test(`${name}: puts that are under way together are all stored, in order if it keeps marks`, async (t) => {
    const engine = await started(t, 4)
    const lanes = [...Array(4).keys()]
    await Promise.all(
      lanes.flatMap((lane) =>
        [0, 1, 2].map((round) =>
          putAll(
            engine,
            [0, 1].map((i) =>
              entry({ text: `${lane}-${round}${i}`, shard: shardId(lane), hash: laneHash(lane) })
            )
          )
        )
      )
    )
    for (const lane of lanes) {
      const texts = await readTexts(engine, shardId(lane))
      assert.deepEqual(
        // A remote engine keeps the order of puts only where one waits for the other.
        engine.keepsMarks ? texts : texts.toSorted(),
        ['00', '01', '10', '11', '20', '21'].map((one) => `${lane}-${one}`)
      )
    }
  })

  test(`${name}: a record comes back with its key, bytes and arrival`, async (t) => {
    const engine = await started(t)
    const data = Buffer.from([0, 255, 10, 13, 0])
    await putAll(engine, [entry({ data, partitionKey: 'é-42' }), entry({ text: '' })])
    const { records } = await engine.read('s', shardId(0), all)
    assert.equal(records[0]?.partitionKey, 'é-42')
    assert.ok(records[0]?.data.equals(data))
    assert.ok((records[0]?.arrivalMs ?? 0) > 0)
    assert.equal(records[1]?.data.length, 0)
  })

  test(`${name}: a read begins where its position says`, async (t) => {
    const engine = await started(t)
    const sequences = await putAll(
      engine,
      ['a', 'b', 'c'].map((text) => entry({ text }))
    )
    const from = (position: ShardPosition) => readTexts(engine, shardId(0), position)
    assert.deepEqual(await from({ at: 'start' }), ['a', 'b', 'c'])
    assert.deepEqual(await from({ at: 'end' }), [])
    assert.deepEqual(await from({ at: 'sequence', sequence: sequences[1] ?? '' }), ['b', 'c'])
    assert.deepEqual(await from({ at: 'after', sequence: sequences[1] ?? '' }), ['c'])
    assert.deepEqual(await from({ at: 'time', timeMs: 0 }), ['a', 'b', 'c'])
    assert.deepEqual(await from({ at: 'time', timeMs: Number.MAX_SAFE_INTEGER }), [])
  })

  test(`${name}: a read stops at its limits and goes on from next without gap or repeat`, async (t) => {
    const engine = await started(t)
    const texts = Array.from({ length: 25 }, (_, i) => `record ${i}`)
    for (const text of texts) await putAll(engine, [entry({ text })])
    const seen: string[] = []
    let position: ShardPosition = { at: 'start' }
    for (let round = 0; round < 9; round++) {
      const result = await engine.read('s', shardId(0), { ...limit, from: position, maxRecords: 3 })
      assert.equal(result.records.length, round === 8 ? 1 : 3)
      seen.push(...result.records.map(textOf))
      assert.equal(result.behindMs > 0, round < 8)
      assert.ok(result.next)
      position = result.next
    }
    assert.deepEqual(seen, texts)
  })

  test(`${name}: a read gives one record even if that is over maxBytes`, async (t) => {
    const engine = await started(t)
    await putAll(engine, [entry({ text: 'long enough' }), entry({ text: 'second' })])
    const { records } = await engine.read('s', shardId(0), { ...all, maxBytes: 1 })
    assert.deepEqual(records.map(textOf), ['long enough'])
  })

  test(`${name}: what is stored after a read from the end is given by the next`, async (t) => {
    const engine = await started(t)
    await putAll(engine, [entry({ text: 'before' })])
    const { next } = await engine.read('s', shardId(0), { ...limit, from: { at: 'end' } })
    await putAll(engine, [entry({ text: 'after' })])
    assert.ok(next)
    assert.deepEqual(await readTexts(engine, shardId(0), next), ['after'])
  })

  test(`${name}: changed resolves on a put, on a reshard and on abort`, async (t) => {
    const engine = await started(t)
    const put = engine.changed('s', never)
    await putAll(engine, [entry({ text: 'a' })])
    await put
    const reshard = engine.changed('s', never)
    await engine.split('s', shardId(0))
    await reshard
    const control = new AbortController()
    const aborted = engine.changed('s', control.signal)
    control.abort()
    await aborted
  })

  test(`${name}: a split closes the parent, names it in the children and tells listeners`, async (t) => {
    const engine = await started(t)
    const heard: string[] = []
    engine.onReshard((stream) => heard.push(stream))
    const { version } = await engine.describe('s')
    assert.deepEqual(await engine.split('s', shardId(0), 1n << 100n), [shardId(1), shardId(2)])
    const after = await engine.describe('s')
    assert.notEqual(after.version, version)
    assert.deepEqual(
      after.shards.map(({ id, open, parents }) => ({ id, open, parents })),
      [
        { id: shardId(0), open: false, parents: [] },
        { id: shardId(1), open: true, parents: [shardId(0)] },
        { id: shardId(2), open: true, parents: [shardId(0)] }
      ]
    )
    assert.equal(after.shards[2]?.range.start, 1n << 100n)
    assert.deepEqual(heard, ['s'])
    await assert.rejects(engine.split('s', shardId(0)), isCode('conflict'))
    await assert.rejects(engine.split('s', shardId(1), 1n << 120n), isCode('invalid'))
    await assert.rejects(engine.split('s', shardId(9)), isCode('not_found'))
  })

  test(`${name}: a merge takes neighbours only and names both parents`, async (t) => {
    const engine = await started(t, 3)
    await assert.rejects(engine.merge('s', shardId(0), shardId(2)), isCode('invalid'))
    assert.equal(await engine.merge('s', shardId(1), shardId(0)), shardId(3))
    const { shards } = await engine.describe('s')
    assert.deepEqual(shards[3]?.parents, [shardId(1), shardId(0)])
  })

  test(`${name}: a closed shard is read to its end, and then has no next`, async (t) => {
    const engine = await started(t)
    await putAll(
      engine,
      ['a', 'b'].map((text) => entry({ text }))
    )
    await engine.split('s', shardId(0))
    const part = await engine.read('s', shardId(0), { ...all, maxRecords: 1 })
    assert.ok(part.next)
    const rest = await engine.read('s', shardId(0), { ...limit, from: part.next })
    assert.deepEqual(rest.records.map(textOf), ['b'])
    assert.equal(rest.next, undefined)
  })

  test(`${name}: an entry for a closed shard is refused or lands in the child with its hash`, async (t) => {
    const engine = await started(t)
    const [, upper = ''] = await engine.split('s', shardId(0))
    const high = ((1n << 128n) - 1n).toString()
    const [outcome] = await engine.put('s', [entry({ text: 'a', hash: high })], never)
    if (engine.keepsMarks) {
      assert.equal(outcome?.status, 'wrong_shard')
      assert.deepEqual(await readTexts(engine, upper), [])
    } else {
      assert.equal(outcome?.status === 'stored' && outcome.shard, upper)
      assert.deepEqual(await readTexts(engine, upper), ['a'])
    }
    assert.deepEqual(await readTexts(engine, shardId(0)), [])
  })

  test(`${name}: marks hold the highest of each source and shard, if the engine keeps them`, async (t) => {
    const engine = await started(t, 2)
    const marks = (source: string, seq: number): Mark[] => [{ source, seq }]
    const other = { shard: shardId(1), hash: laneHash(1, 2) }
    await putAll(engine, [
      entry({ text: 'a', marks: marks('d/e/0', 7) }),
      entry({ text: 'b', marks: marks('d/e/0', 5) }),
      entry({ text: 'c', marks: marks('d/e/0', 6), ...other }),
      entry({ text: 'd', marks: marks('x/e/0', 1) })
    ])
    const found = await engine.marks('s', 'd/e/0')
    const expected = [
      { shard: shardId(0), seq: 7 },
      { shard: shardId(1), seq: 6 }
    ]
    assert.deepEqual(found, engine.keepsMarks ? expected : [])
    assert.deepEqual(await engine.marks('s', 'nobody'), [])
  })
}
