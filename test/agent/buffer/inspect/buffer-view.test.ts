import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { BufferView } from '../../../../agent/buffer/inspect/buffer-view.ts'
import { systemClock } from '../../../../shared/clock.ts'
import { chunkOf, framesOf } from '../../../contract/buffer.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { never, storage } from '../setup.ts'

async function viewOf(t: TestContext, directory: string): Promise<BufferView> {
  const log = pino({ level: 'silent' })
  const view = await BufferView.open({ directory, clock: systemClock, log })
  cleanUp(t, () => view.close())
  return view
}

/** What waits, as the view says. */
async function seen(view: BufferView) {
  const { frames } = await view.waiting()
  return frames.map(({ stream, first, count }) => [stream, first, count])
}

test('of a running agent it shows what was committed, in order, with the same bytes', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  for (const text of ['one', 'two', 'three']) {
    await buffer.append({ ...chunkOf('a', text), urgent: true })
    await buffer.append({ ...chunkOf('b', text, text), urgent: true })
  }
  const view = await viewOf(t, directory)
  const { frames } = await view.waiting()
  assert.deepEqual(
    frames.map(({ stream, first, count }) => [stream, first, count]),
    [1, 2, 3].flatMap((n) => [
      ['a', n, 1],
      ['b', 2 * n - 1, 2]
    ])
  )
  const bodies = (await framesOf(buffer, 'a')).map(({ body }) => body)
  for (const [i, one] of frames.filter(({ stream }) => stream === 'a').entries()) {
    assert.deepEqual((await view.read(one))?.body, bodies[i])
  }
})

test('looking does not keep a running agent from writing, sending and stopping', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await buffer.append({ ...chunkOf('a', 'one'), urgent: true })
  const view = await viewOf(t, directory)
  const { frames } = await view.waiting()
  await buffer.append({ ...chunkOf('a', 'two'), urgent: true })
  for (const { id } of await framesOf(buffer, 'a')) await buffer.release(id)
  await buffer.stop(never)
  assert.equal(frames.length, 1)
  assert.deepEqual(await seen(await viewOf(t, directory)), [])
})

test('of an agent that was killed or stopped it shows what waits, and changes no file', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await buffer.append({ ...chunkOf('a', 'one'), urgent: true })
  await buffer.append({ ...chunkOf('a', 'two'), urgent: true })
  const [first] = await framesOf(buffer, 'a')
  await buffer.release(first?.id ?? '')
  await buffer.stop(never)
  const before = await contents(directory)
  const view = await viewOf(t, directory)
  assert.deepEqual(await seen(view), [['a', 2, 1]])
  await view.close()
  assert.deepEqual(await contents(directory), before)
  const again = await start()
  assert.equal((await framesOf(again, 'a')).length, 1)
})

test('a damaged segment is told, and the others are shown', async (t) => {
  const { directory, start } = await storage(t, { segmentBytes: 1, frameBytes: 1024 })
  const buffer = await start()
  for (const text of ['one', 'two', 'three']) {
    await buffer.append({ ...chunkOf('a', text), urgent: true })
  }
  await buffer.stop(never)
  const [name = ''] = (await readdir(join(directory, 'segments'))).sort()
  const path = join(directory, 'segments', name)
  const bytes = await readFile(path)
  await writeFile(path, bytes.fill(0, 0, 100))
  const view = await viewOf(t, directory)
  assert.deepEqual(await seen(view), [
    ['a', 2, 1],
    ['a', 3, 1]
  ])
  assert.deepEqual(
    view.damaged.map((one) => one.path),
    [path]
  )
})

test('a damaged frame rejects when it is read, by file and stream', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  await buffer.append({ ...chunkOf('a', 'a text that can be found'), urgent: true })
  await buffer.stop(never)
  const [name = ''] = await readdir(join(directory, 'segments'))
  const path = join(directory, 'segments', name)
  const bytes = await readFile(path)
  bytes.write('X', bytes.indexOf('that can be found'))
  await writeFile(path, bytes)
  const view = await viewOf(t, directory)
  const [frame] = (await view.waiting()).frames
  assert.ok(frame)
  await assert.rejects(view.read(frame), { code: 'store_corrupt', message: /frame 1 of a/ })
})

test('it says how far the sources are and what was lost', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  const cursor = (text: string) => [{ source: 'tail', position: Buffer.from(text) }]
  await buffer.append({ ...chunkOf('a', 'one'), cursors: cursor('1'), urgent: true })
  await buffer.append({ ...chunkOf('a', 'two'), cursors: cursor('2'), urgent: true })
  const view = await viewOf(t, directory)
  const positions = (await view.cursors()).map(({ source, position }) => [
    source,
    position.toString()
  ])
  assert.deepEqual(positions, [['tail', '2']])
  assert.deepEqual(await view.losses(), [])
})

test('a directory without a buffer is told, and not made into one', async (t) => {
  const directory = await tempDir(t)
  await assert.rejects(viewOf(t, directory), { code: 'not_found', message: /--data-dir/ })
  assert.deepEqual(await readdir(directory), [])
})

/** Of all files that hold something. */
async function contents(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of await readdir(directory, { recursive: true })) {
    if (!name.endsWith('.db')) continue
    found[name] = (await readFile(join(directory, name))).toString('hex')
  }
  return found
}
