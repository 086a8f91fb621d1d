import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AgentBuffer, Chunk, StoredFrame } from '../../agent/buffer/buffer.ts'
import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { offsetsOf, type RecordColumns, recordLimits } from '../../shared/record.ts'
import { frameCrc, unpackBody } from '../../shared/wire/batch.ts'
import { decodeFrame } from '../../shared/wire/frame.ts'

const never = new AbortController().signal

/** Storage of one test. */
export interface BufferStorage {
  /** A buffer that was not started, on the same storage as those that were made before it. */
  create(): AgentBuffer
}

/** Records of these texts. */
export function recordsOf(...texts: readonly string[]): RecordColumns {
  const builder = new ColumnsBuilder({ partitionKey: 'key', time: 1_700_000_000_000 })
  for (const text of texts) builder.add(Buffer.from(text))
  return builder.build()
}

/** A chunk that is committed at once. */
export function chunkOf(stream: string, ...texts: readonly string[]): Chunk {
  return { stream, records: recordsOf(...texts), urgent: true }
}

export async function textsOf(frames: readonly StoredFrame[]): Promise<string[]> {
  const texts = frames.map(async ({ enc, body }) => {
    const { lens, data } = decodeFrame(await unpackBody(enc, body))
    const offsets = offsetsOf(lens)
    return Array.from(lens, (_, i) => data.toString('utf8', offsets[i], offsets[i + 1]))
  })
  return (await Promise.all(texts)).flat()
}

/** All frames of a stream from the oldest, read a few at a time. */
export async function framesOf(buffer: AgentBuffer, stream: string): Promise<StoredFrame[]> {
  const frames: StoredFrame[] = []
  for (;;) {
    const read = await buffer.read(stream, frames.at(-1)?.id, 1000)
    if (read.length === 0) return frames
    frames.push(...read)
  }
}

/** What every durable buffer does. */
export function bufferContract(
  name: string,
  setup: (t: TestContext) => Promise<BufferStorage>
): void {
  const title = (text: string): string => `${name}: ${text}`

  const startNew = async (t: TestContext, storage: BufferStorage): Promise<AgentBuffer> => {
    const buffer = storage.create()
    t.after(() => buffer.stop(AbortSignal.abort()))
    await buffer.start(never)
    return buffer
  }
  const start = async (t: TestContext) => {
    const storage = await setup(t)
    const buffer = await startNew(t, storage)
    const restart = async (running: AgentBuffer) => {
      await running.stop(never)
      return startNew(t, storage)
    }
    return { buffer, restart, storage }
  }

  test(title('records come back in the order of the appends, numbered without gaps'), async (t) => {
    const { buffer } = await start(t)
    await buffer.append(chunkOf('a', '1', '2', '3'))
    await Promise.all([
      buffer.append(chunkOf('a', '4')),
      buffer.append(chunkOf('b', 'other')),
      buffer.append(chunkOf('a', '5', '6'))
    ])
    const frames = await framesOf(buffer, 'a')
    assert.deepEqual(await textsOf(frames), ['1', '2', '3', '4', '5', '6'])
    let last = 0
    for (const { header, body, crc } of frames) {
      assert.equal(header.first, last + 1)
      assert.equal(header.prev, last)
      assert.equal(header.stream, 'a')
      assert.equal(header.epoch, buffer.stats().epoch)
      assert.equal(crc, frameCrc(body))
      last += header.count
    }
    assert.equal(last, 6)
  })

  test(title('keys, times and attributes come back as they were'), async (t) => {
    const { buffer } = await start(t)
    const builder = new ColumnsBuilder({ partitionKey: 'k', time: 5 })
    builder.add(Buffer.from('x'), { partitionKey: 'k2', time: 7, attributes: { unit: 'm' } })
    builder.add(Buffer.from(''), { time: -3 })
    const records = builder.build()
    await Promise.all([
      buffer.append({ stream: 'a', records }),
      buffer.append({ stream: 'a', records: recordsOf('y') }),
      buffer.append({ stream: 'a', records, urgent: true })
    ])
    const columns = (await framesOf(buffer, 'a')).map(async ({ enc, body }) =>
      decodeFrame(await unpackBody(enc, body))
    )
    const flat = (await Promise.all(columns)).flatMap(({ keys, key, times, attributes, lens }) =>
      Array.from(lens, (_, i) => [keys[key?.[i] ?? 0], times[i], attributes?.[i] ?? null])
    )
    const pair = [
      ['k2', 7, { unit: 'm' }],
      ['k', -3, null]
    ]
    assert.deepEqual(flat, [...pair, ['key', 1_700_000_000_000, null], ...pair])
  })

  test(title('an append takes its own copy before it yields'), async (t) => {
    const { buffer } = await start(t)
    for (const size of [10, 200_000]) {
      const records = recordsOf('x'.repeat(size))
      const appended = buffer.append({ stream: `s${size}`, records, urgent: true })
      records.data.fill(0)
      records.times.fill(0)
      await appended
      assert.deepEqual(await textsOf(await framesOf(buffer, `s${size}`)), ['x'.repeat(size)])
    }
  })

  test(title('a chunk that is larger than a frame is split between records'), async (t) => {
    const { buffer } = await start(t)
    const texts = Array.from({ length: 3000 }, (_, i) => `${i}`.padEnd(500, '.'))
    await buffer.append(chunkOf('a', ...texts))
    const frames = await framesOf(buffer, 'a')
    assert.ok(frames.length > 1)
    assert.deepEqual(await textsOf(frames), texts)
  })

  test(title('a record over the limit is refused alone'), async (t) => {
    const { buffer } = await start(t)
    const records = recordsOf('x'.repeat(recordLimits.recordBytes))
    await assert.rejects(buffer.append({ stream: 'a', records, urgent: true }), {
      code: 'too_large'
    })
    await buffer.append(chunkOf('a', 'y'))
    assert.deepEqual(await textsOf(await framesOf(buffer, 'a')), ['y'])
  })

  test(title('records and cursors are there after a restart, under a new epoch'), async (t) => {
    const { buffer, restart } = await start(t)
    const cursors = [
      { source: 'tail:/a', position: Buffer.from('1') },
      { source: 'tail:/b', position: Buffer.from('2') },
      { source: 'tail2:/c', position: Buffer.from('3') },
      { source: 'tail', position: Buffer.from('4') }
    ]
    await buffer.append({ ...chunkOf('a', '1'), cursors })
    await buffer.append({
      ...chunkOf('a', '2'),
      cursors: [{ source: 'tail:/a', position: Buffer.from('9') }]
    })
    await buffer.append({
      ...chunkOf('a'),
      cursors: [{ source: 'tail:/b', position: Buffer.alloc(0) }]
    })
    const [before] = await framesOf(buffer, 'a')
    const again = await restart(buffer)
    const found = [...again.cursors('tail')].map(
      ([source, position]) => `${source} ${position.toString()}`
    )
    assert.deepEqual(found.sort(), ['tail 4', 'tail:/a 9'])
    await again.append(chunkOf('a', '3'))
    const frames = await framesOf(again, 'a')
    assert.deepEqual(await textsOf(frames), ['1', '2', '3'])
    assert.equal(frames[0]?.header.epoch, before?.header.epoch)
    assert.equal(frames.at(-1)?.header.epoch, again.stats().epoch)
    assert.notEqual(frames.at(-1)?.header.epoch, before?.header.epoch)
    assert.equal(frames.at(-1)?.header.first, 1)
  })

  test(
    title('an append without records commits what came before it when it is urgent'),
    async (t) => {
      const { buffer } = await start(t)
      const first = buffer.append({ ...chunkOf('a', '1'), urgent: false })
      await buffer.append(chunkOf('a'))
      await first
      assert.equal(buffer.stats().records, 1)
    }
  )

  test(
    title('what is released is gone, in any order, and stays gone after a restart'),
    async (t) => {
      const { buffer, restart } = await start(t)
      for (const text of ['1', '2', '3', '4']) await buffer.append(chunkOf('a', text))
      const [one, two, three] = await framesOf(buffer, 'a')
      assert.ok(one && two && three)
      const { epoch } = one.header
      assert.equal(buffer.floor('a', epoch), 1)
      await buffer.release(two.id)
      await buffer.release(two.id)
      assert.equal(buffer.floor('a', epoch), 1)
      assert.deepEqual(await textsOf(await framesOf(buffer, 'a')), ['1', '3', '4'])
      await buffer.release(one.id)
      assert.equal(buffer.floor('a', epoch), 3)
      assert.equal(buffer.stats().records, 2)
      assert.equal(buffer.stats().releasedRecords, 2)
      const again = await restart(buffer)
      assert.equal(again.floor('a', epoch), 3)
      assert.deepEqual(await textsOf(await framesOf(again, 'a')), ['3', '4'])
      for (const { id } of await framesOf(again, 'a')) await again.release(id)
      assert.equal(again.floor('a', epoch), 0)
      assert.deepEqual(again.streams(), [])
      assert.equal(again.stats().oldestAgeMs, 0)
    }
  )

  test(title('a read gives at least one frame, and stays within maxBytes otherwise'), async (t) => {
    const { buffer } = await start(t)
    for (const text of ['1', '2', '3']) await buffer.append(chunkOf('a', text.repeat(100)))
    const [one, two] = await buffer.read('a', undefined, 1_000_000)
    assert.ok(one && two)
    assert.equal((await buffer.read('a', undefined, 1)).length, 1)
    const both = one.body.length + two.body.length
    assert.equal((await buffer.read('a', undefined, both)).length, 2)
    assert.equal((await buffer.read('a', undefined, both - 1)).length, 1)
    await buffer.release(two.id)
    assert.deepEqual(await textsOf(await buffer.read('a', two.id, 1)), ['3'.repeat(100)])
    assert.deepEqual(await buffer.read('unknown', undefined, 1), [])
  })

  test(title('the stream with the oldest frame comes first'), async (t) => {
    const { buffer } = await start(t)
    await buffer.append(chunkOf('b', '1'))
    await buffer.append(chunkOf('a', '1'))
    await buffer.append(chunkOf('b', '2'))
    assert.deepEqual(buffer.streams(), ['b', 'a'])
    const [first] = await framesOf(buffer, 'b')
    assert.ok(first)
    await buffer.release(first.id)
    await buffer.append(chunkOf('a', '2'))
    const [second] = await framesOf(buffer, 'a')
    assert.ok(second)
    await buffer.release(second.id)
    assert.deepEqual(buffer.streams(), ['b', 'a'])
  })

  test(title('parked records count as parked, and their frame is gone'), async (t) => {
    const { buffer } = await start(t)
    await buffer.append(chunkOf('a', '1', '2', '3'))
    const [frame] = await framesOf(buffer, 'a')
    assert.ok(frame)
    await buffer.release(frame.id, [{ code: 'invalid', reason: 'no', seqs: [2] }])
    assert.equal(buffer.stats().parkedRecords, 1)
    assert.deepEqual(await framesOf(buffer, 'a'), [])
  })

  test(
    title('an append that is aborted while it waits is refused and leaves nothing'),
    async (t) => {
      const { buffer } = await start(t)
      const giveUp = new AbortController()
      const waiting = buffer.append({ ...chunkOf('a', 'no'), urgent: false }, giveUp.signal)
      giveUp.abort()
      await assert.rejects(waiting, { code: 'store_full' })
      await assert.rejects(buffer.append(chunkOf('a', 'no'), AbortSignal.abort()), {
        code: 'store_full'
      })
      await buffer.append(chunkOf('a', 'yes'))
      assert.deepEqual(await textsOf(await framesOf(buffer, 'a')), ['yes'])
    }
  )

  test(title('a commit between two waits for a change is not missed'), async (t) => {
    const { buffer } = await start(t)
    await buffer.append(chunkOf('a', '1'))
    await buffer.changed(never)
    const abort = new AbortController()
    const waiting = buffer.changed(abort.signal)
    await buffer.append(chunkOf('a', '2'))
    await waiting
    await buffer.append(chunkOf('a', '3'))
    await buffer.changed(never)
    const idle = buffer.changed(abort.signal)
    abort.abort()
    await idle
  })

  test(title('stop commits what waits, and every call returns the same promise'), async (t) => {
    const { buffer, storage } = await start(t)
    const waiting = buffer.append({ ...chunkOf('a', '1'), urgent: false })
    const stopped = buffer.stop(never)
    assert.equal(buffer.stop(never), stopped)
    await stopped
    await waiting
    await assert.rejects(buffer.append(chunkOf('a', '2')))
    const again = await startNew(t, storage)
    assert.deepEqual(await textsOf(await framesOf(again, 'a')), ['1'])
  })

  test(title('a stop before the start is safe, and a start after it is refused'), async (t) => {
    const storage = await setup(t)
    const buffer = storage.create()
    await buffer.stop(never)
    await assert.rejects(buffer.start(never))
    await startNew(t, storage)
  })

  test(title('a start that is aborted leaves the storage free'), async (t) => {
    const storage = await setup(t)
    const buffer = storage.create()
    await assert.rejects(buffer.start(AbortSignal.abort()))
    await buffer.stop(never)
    await startNew(t, storage)
  })

  test(title('a second buffer on the same storage is refused'), async (t) => {
    const { storage } = await start(t)
    const second = storage.create()
    await assert.rejects(second.start(never), { code: 'store_locked' })
    await second.stop(never)
  })
}
