import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { BufferView } from '../../../agent/buffer/inspect/buffer-view.ts'
import {
  type Choice,
  type ExportSource,
  ownedFrames,
  viewedFrames
} from '../../../agent/carry/export-source.ts'
import { systemClock } from '../../../shared/clock.ts'
import { chunkOf, framesOf } from '../../contract/buffer.ts'
import { timeOn } from '../../support/manual-boot.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { never, storage } from '../buffer/setup.ts'

const clock = new ManualClock()

async function viewed(
  directory: string,
  choice: Choice = {},
  newestFirst: readonly string[] = []
): Promise<{ firsts: [string, number][]; problems: readonly string[] }> {
  const log = pino({ level: 'silent' })
  const view = await BufferView.open({ directory, clock: systemClock, log })
  try {
    const facts = { device: 'device-1', time: timeOn(clock), newestFirst }
    const source = await viewedFrames(view, choice, facts)
    return { firsts: await firstsOf(source), problems: source.problems }
  } finally {
    await view.close()
  }
}

async function firstsOf(source: ExportSource): Promise<[string, number][]> {
  const firsts: [string, number][] = []
  for await (const { frame } of source.frames())
    firsts.push([frame.header.stream, frame.header.first])
  return firsts
}

/** Three frames in each of two streams, a second apart. */
async function filled(t: TestContext, segmentBytes = 1024 * 1024) {
  const { directory, start } = await storage(t, { clock, time: timeOn(clock), segmentBytes })
  const buffer = await start()
  const startMs = clock.wallMs()
  for (const n of [1, 2, 3]) {
    await buffer.append({ ...chunkOf('a', `a frame of a, ${n}`), urgent: true })
    await buffer.append({ ...chunkOf('b', `a frame of b, ${n}`), urgent: true })
    await clock.advance(1000)
  }
  return { directory, buffer, startMs }
}

const all = [1, 2, 3].flatMap((n): [string, number][] => [
  ['a', n],
  ['b', n]
])

test('a running agent is exported whole, one stream alone, or up to a time', async (t) => {
  const { directory, startMs } = await filled(t)
  assert.deepEqual((await viewed(directory)).firsts, all)
  assert.deepEqual(
    (await viewed(directory, { stream: 'a' })).firsts,
    all.filter(([stream]) => stream === 'a')
  )
  assert.deepEqual((await viewed(directory, { untilMs: startMs + 1500 })).firsts, all.slice(0, 4))
})

test('a stream ends where a frame of it is damaged, and the others go on', async (t) => {
  const { directory, buffer } = await filled(t)
  await buffer.stop(never)
  const [name = ''] = await readdir(join(directory, 'segments'))
  const path = join(directory, 'segments', name)
  const bytes = await readFile(path)
  bytes.write('X', bytes.indexOf('a frame of a, 2'))
  await writeFile(path, bytes)
  const { firsts, problems } = await viewed(directory)
  assert.deepEqual(
    firsts,
    all.filter(([stream, first]) => stream === 'b' || first === 1)
  )
  assert.match(problems.join(), /stream a ends early.*start the agent once/)
})

test('nothing behind a damaged segment is exported', async (t) => {
  const { directory, buffer } = await filled(t, 1)
  await buffer.stop(never)
  const names = (await readdir(join(directory, 'segments'))).sort()
  const path = join(directory, 'segments', names[2] ?? '')
  await writeFile(path, (await readFile(path)).fill(0, 0, 100))
  const { firsts, problems } = await viewed(directory)
  assert.deepEqual(firsts, all.slice(0, 2))
  assert.equal(problems.length, 1)
})

test('a stream that is sent newest first is not copied, since its lanes would not match', async (t) => {
  const { directory } = await filled(t)
  await assert.rejects(viewed(directory, {}, ['a']), { code: 'config', message: /--and-release/ })
  assert.equal((await viewed(directory, { stream: 'b' }, ['a'])).firsts.length, 3)
})

test('a buffer that is owned gives every frame with the id it is released by', async (t) => {
  const { buffer } = await filled(t)
  const source = ownedFrames(buffer, { stream: 'a' })
  assert.deepEqual(
    await firstsOf(source),
    all.filter(([stream]) => stream === 'a')
  )
  for await (const { id } of source.frames()) await buffer.release(id ?? '')
  assert.deepEqual(buffer.streams(), ['b'])
  assert.deepEqual(await framesOf(buffer, 'a'), [])
})

test('a stream that was sent newest first leaves in the lanes its records may have taken', async (t) => {
  const { directory, start } = await storage(t, { clock, time: timeOn(clock) })
  const before = await start()
  for (const text of ['one', 'two', 'three']) {
    await before.append({ ...chunkOf('a', text), urgent: true })
  }
  const { epoch } = before.stats()
  await before.lanes.saveLive('a', new Map([[epoch, [[2, 2]]]]))
  await before.stop(never)
  await assert.rejects(viewed(directory), { code: 'config' })
  const buffer = await start()
  const lanes: [number, number][] = []
  for await (const { frame } of ownedFrames(buffer, {}).frames()) {
    lanes.push([frame.header.first, frame.header.lane])
  }
  assert.deepEqual(lanes, [
    [1, 1],
    [2, 0],
    [3, 1]
  ])
})
