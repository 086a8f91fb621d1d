import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AgentBuffer } from '../../../agent/buffer/buffer.ts'
import { decodeFrame } from '../../../shared/wire/frame.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { eventually } from '../../support/programs.ts'
import { never, storage } from './setup.ts'

const capBytes = 400_000
const small = { capBytes, segmentBytes: 50_000, frameBytes: 8000, freeDiskFloorBytes: 0 }

/** What all segments take on disk, with their logs and the indexes of these. */
async function diskBytes(directory: string): Promise<number> {
  const folder = join(directory, 'segments')
  const names = (await readdir(folder)).filter((name) => /\.db(-wal|-shm)?$/.test(name))
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

test('drop-oldest stays under its cap, and the ledger has each record that is gone', async (t) => {
  const clock = new ManualClock()
  const { directory, start } = await storage(t, { ...small, clock })
  const buffer = await start()
  const texts = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(9000, '.'))
  for (const text of texts) {
    await buffer.append(chunkOf('a', text))
    const bytes = await diskBytes(directory)
    assert.ok(bytes <= capBytes, `${bytes} bytes`)
    assert.equal(bytes, buffer.stats().bytes)
  }
  const { lost, records } = buffer.stats()
  const [loss] = lost
  assert.ok(loss && lost.length === 1 && loss.records > 30)
  assert.equal(loss.reason, 'overflow')
  const frames = await framesOf(buffer, 'a')
  const kept = (await textsOf(frames)).filter((text) => !text.startsWith('{'))
  assert.deepEqual(kept, texts.slice(-kept.length))
  // The clock stands, so there was one notice, which may be among the lost itself.
  const notices = loss.records - (texts.length - kept.length)
  assert.ok(notices === 0 || notices === 1, `${loss.records} lost, ${kept.length} kept`)
  assert.equal(buffer.floor('a', buffer.stats().epoch), frames[0]?.header.first)
  assert.equal(
    records,
    frames.reduce((sum, { header }) => sum + header.count, 0)
  )
  await buffer.stop(AbortSignal.abort())
  const again = await start()
  assert.deepEqual(again.stats().lost, lost)
})

test('a loss is told upstream on its own stream, at most once a minute', async (t) => {
  const clock = new ManualClock()
  const { start } = await storage(t, { ...small, clock })
  const buffer = await start()
  const lost = (stream: string) =>
    buffer.stats().lost.find((loss) => loss.stream === stream)?.records ?? 0
  const fill = async () => {
    await buffer.append(chunkOf('a', 'x'.repeat(9000)))
    await buffer.append(chunkOf('b', 'other'))
  }
  const notices = async () => {
    const found = []
    for (const { id, body } of await framesOf(buffer, 'a')) {
      const { attributes, data } = decodeFrame(body)
      if (attributes?.[0]?.['type'] === 'headwater.loss') found.push(JSON.parse(data.toString()))
      await buffer.release(id)
    }
    return found
  }
  while (lost('a') === 0) await fill()
  const first = lost('a')
  for (let i = 0; i < 3; i++) await fill()
  const loss = { headwater: 'loss', reason: 'overflow' }
  assert.deepEqual(await notices(), [{ ...loss, records: first, total: first }])
  while (lost('a') === first) await fill()
  const second = lost('a')
  await fill()
  assert.deepEqual(await notices(), [])
  await clock.advance(61_000)
  await fill()
  assert.deepEqual(await notices(), [{ ...loss, records: second - first, total: second }])
  await clock.advance(61_000)
  await fill()
  assert.deepEqual(await notices(), [])
  assert.ok(lost('b') > 0)
})

test('a stream that blocks loses nothing, waits at the cap, and goes on when frames are released', async (t) => {
  const clock = new ManualClock()
  const overflow = (stream: string) => (stream === 'keep' ? 'block' : 'drop-oldest')
  const { directory, start } = await storage(t, { ...small, clock, overflow })
  const buffer = await start()
  let done = 0
  const texts = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(9000, '.'))
  const appending = (async () => {
    for (const text of texts) {
      await buffer.append(chunkOf('keep', text))
      done += 1
    }
  })()
  // Beside the buffer itself, which saves now and then, the one that waits for room.
  await clock.asleep(2)
  const before = done
  assert.ok(done > 10 && done < 60, `${done} appended`)
  assert.equal(buffer.stats().mode, 'disk')
  for (let i = 0; i < 30; i++) await buffer.append(chunkOf('drop', 'x'.repeat(9000)))
  assert.ok((await diskBytes(directory)) <= capBytes)
  assert.equal(done, before)
  const read: string[] = []
  while (read.length < texts.length) {
    for (const stream of buffer.streams()) {
      const frames = await framesOf(buffer, stream)
      if (stream === 'keep') read.push(...(await textsOf(frames)))
      for (const { id } of frames) await buffer.release(id)
    }
    await clock.advance(1000)
  }
  await appending
  assert.deepEqual(read, texts)
  assert.deepEqual(
    buffer.stats().lost.filter(({ stream }) => stream === 'keep'),
    []
  )
})

test('below the floor of the disk old segments give way, but never the last one', async (t) => {
  const clock = new ManualClock()
  let free = 1e9
  const { start } = await storage(t, {
    ...small,
    clock,
    freeDiskFloorBytes: 1e6,
    freeBytes: () => Promise.resolve(free)
  })
  const buffer = await start()
  for (let i = 0; i < 30; i++) await buffer.append(chunkOf('a', `${i}`.padEnd(9000, '.')))
  assert.ok(buffer.stats().segments > 3)
  free = 1000
  const waiting = buffer.append(chunkOf('a', 'last'))
  await eventually('a full disk', async () => buffer.stats().mode === 'memory' || undefined)
  assert.equal(buffer.stats().segments, 1)
  assert.ok(buffer.stats().records > 0)
  free = 1e9
  await clock.advance(60_000)
  await waiting
  assert.equal(buffer.stats().mode, 'disk')
})

test('an append that can never fit under the cap is refused', async (t) => {
  const { start } = await storage(t, small)
  const buffer = await start()
  await assert.rejects(buffer.append(chunkOf('a', 'x'.repeat(300_000))), { code: 'too_large' })
})

test('many cursors neither begin a segment for each commit nor drop a record', async (t) => {
  const { start } = await storage(t, small)
  // More than a segment, and a fifth of the cap.
  const cursors = Array.from({ length: 70 }, (_, i) => ({
    source: `tail:${i}`,
    position: Buffer.alloc(900, 7)
  }))
  const fill = async (buffer: AgentBuffer) => {
    for (let n = 0; n < 6; n++) await buffer.append(chunkOf('a', `${n}`))
  }
  const first = await start()
  await first.append({ ...chunkOf('a', 'first'), cursors })
  await fill(first)
  assert.ok(first.stats().segments <= 2, `${first.stats().segments} segments`)
  assert.deepEqual(first.stats().lost, [])
  const { segments } = first.stats()
  await first.stop(never)
  const again = await start()
  await fill(again)
  assert.equal(again.stats().segments, segments)
  assert.deepEqual(again.stats().lost, [])
})
