import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { SqliteBuffer } from '../../../agent/buffer/sqlite-buffer.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { eventually } from '../../support/programs.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { bufferOptions, never, progressSaved, storage } from './setup.ts'

const child = fileURLToPath(new URL('./append-until-killed.js', import.meta.url))

test('after a kill -9 every acked record is there once, in order, and the cursor stands behind them', async (t) => {
  const { directory, start } = await storage(t)
  let acked = 0
  let held = 0
  for (let round = 0; round < 4; round++) {
    const running = spawn(process.execPath, [child, directory, `${held + 1}`])
    t.after(() => running.kill('SIGKILL'))
    let output = ''
    running.stderr.on('data', (data: Buffer) => assert.fail(data.toString()))
    running.stdout.on('data', (data: Buffer) => {
      output += data.toString()
      if (output.split('\n').length > 30 + round * 17) running.kill('SIGKILL')
    })
    await once(running, 'close')
    acked = Number(output.split('\n').at(-2))
    const buffer = await start()
    const texts = await textsOf(await framesOf(buffer, 'a'))
    held = texts.length
    assert.ok(held >= acked, `${acked} acked, ${held} held`)
    texts.forEach((text, i) => assert.equal(Number.parseInt(text, 10), i + 1))
    assert.equal(buffer.cursors('tail').get('tail:a')?.toString(), `${held}`)
    await buffer.stop(never)
  }
})

test('an image of the directory that is restored later takes no identity twice', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await buffer.append(chunkOf('a', '1'))
  const image = await tempDir(t)
  await cp(directory, image, { recursive: true })
  const clone = await tempDir(t)
  await cp(directory, clone, { recursive: true })
  await buffer.append(chunkOf('a', '2'))
  const identities = new Map<string, string>()
  const note = async (frames: Awaited<ReturnType<typeof framesOf>>) => {
    for (const frame of frames) {
      const { epoch, first } = frame.header
      const [text = ''] = await textsOf([frame])
      assert.equal(identities.get(`${epoch}/${first}`) ?? text, text)
      identities.set(`${epoch}/${first}`, text)
    }
  }
  await note(await framesOf(buffer, 'a'))
  for (const path of [image, clone]) {
    const restored = new SqliteBuffer(bufferOptions(path))
    t.after(() => restored.stop(AbortSignal.abort()))
    await restored.start(never)
    await restored.append(chunkOf('a', `other ${path}`))
    await note(await framesOf(restored, 'a'))
  }
  assert.equal(identities.size, 4)
})

test('a new segment has all cursors, and released segments are unlinked but for the newest', async (t) => {
  const { start } = await storage(t, { segmentBytes: 20_000 })
  const buffer = await start()
  const cursor = (source: string, n: number) => ({ source, position: Buffer.from(`${n}`) })
  await buffer.append({ ...chunkOf('a'), cursors: [cursor('old', 1), cursor('gone', 1)] })
  await buffer.append({ ...chunkOf('a'), cursors: [{ source: 'gone', position: Buffer.alloc(0) }] })
  for (let n = 1; n <= 60; n++) {
    await buffer.append({ ...chunkOf('a', `${n}`.padEnd(2000)), cursors: [cursor('new', n)] })
  }
  assert.ok(buffer.stats().segments > 4)
  const frames = await framesOf(buffer, 'a')
  for (const { id } of frames.toReversed()) await buffer.release(id)
  await eventually('one segment', async () => buffer.stats().segments === 1 || undefined)
  await buffer.stop(never)
  const again = await start()
  assert.deepEqual([...again.cursors('old').values()].map(String), ['1'])
  assert.deepEqual([...again.cursors('new').values()].map(String), ['60'])
  assert.equal(again.cursors('gone').size, 0)
  assert.deepEqual(again.streams(), [])
})

test('after a crash what was released within the last second is sent again, under the same identity', async (t) => {
  const clock = new ManualClock()
  const { directory, start } = await storage(t, { clock })
  const buffer = await start()
  for (const text of ['1', '2', '3', '4']) await buffer.append(chunkOf('a', text))
  const frames = await framesOf(buffer, 'a')
  const [one, two, three, four] = frames
  assert.ok(one && two && three && four)
  await buffer.release(one.id)
  await buffer.release(three.id)
  await progressSaved(clock)
  await buffer.release(two.id)
  const image = await tempDir(t)
  await cp(directory, image, { recursive: true })
  const crashed = new SqliteBuffer(bufferOptions(image))
  t.after(() => crashed.stop(AbortSignal.abort()))
  await crashed.start(never)
  const again = await framesOf(crashed, 'a')
  assert.deepEqual(await textsOf(again), ['2', '4'])
  assert.deepEqual(
    again.map(({ header: { epoch, first, prev } }) => ({ epoch, first, prev })),
    [two, four].map(({ header: { epoch, first, prev } }) => ({ epoch, first, prev }))
  )
  assert.equal(crashed.floor('a', two.header.epoch), 2)
})

test('when the policy of a stream changes, its frames stay in order and its newest cursor counts', async (t) => {
  const { start } = await storage(t)
  const append = async (text: string, policy: 'block' | 'drop-oldest') => {
    const buffer = await start({ overflow: () => policy })
    const cursors = [{ source: 'x', position: Buffer.from(text) }]
    await buffer.append({ ...chunkOf('a', text), cursors })
    await buffer.stop(never)
  }
  await append('1', 'drop-oldest')
  await append('2', 'block')
  await append('3', 'drop-oldest')
  await append('4', 'block')
  const buffer = await start()
  assert.deepEqual(await textsOf(await framesOf(buffer, 'a')), ['1', '2', '3', '4'])
  assert.equal(buffer.cursors('x').get('x')?.toString(), '4')
})

test('frames of a backlog larger than what is kept in memory are read back from disk', async (t) => {
  const { start } = await storage(t, { segmentBytes: 1_000_000, frameBytes: 100_000 })
  const buffer = await start()
  const texts = Array.from({ length: 80 }, (_, i) => `${i}`.padEnd(100_000, '.'))
  for (const text of texts) await buffer.append(chunkOf('a', text))
  assert.deepEqual(await textsOf(await framesOf(buffer, 'a')), texts)
})

test('a released segment whose unlinking was lost in a power cut is not sent again', async (t) => {
  const { directory, start } = await storage(t, { segmentBytes: 20_000 })
  const buffer = await start()
  for (let n = 1; n <= 30; n++) await buffer.append(chunkOf('a', `${n}`.padEnd(2000)))
  const image = await tempDir(t)
  await cp(directory, image, { recursive: true })
  const frames = await framesOf(buffer, 'a')
  for (const { id } of frames.slice(0, 25)) await buffer.release(id)
  await buffer.stop(never)
  await cp(`${image}/segments`, `${directory}/segments`, { recursive: true, force: false })
  const again = await start()
  const numbers = (await textsOf(await framesOf(again, 'a'))).map((text) => Number(text))
  assert.deepEqual(numbers, [26, 27, 28, 29, 30])
})
