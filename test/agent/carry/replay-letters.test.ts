import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import type { SqliteBuffer } from '../../../agent/buffer/sqlite-buffer.ts'
import { dropLetters, lettersOf, replayLetters } from '../../../agent/carry/replay-letters.ts'
import { offlineBuffer } from '../../../agent/carry/offline-buffer.ts'
import { systemClock } from '../../../shared/clock.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { timeOn } from '../../support/manual-boot.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { never } from '../buffer/setup.ts'

async function setup(t: TestContext) {
  const directory = await tempDir(t)
  const clock = new ManualClock()
  const random = new SeededRandom()
  const start = async (): Promise<SqliteBuffer> => {
    const log = pino({ level: 'silent' })
    const time = timeOn(clock)
    const buffer = offlineBuffer({ directory, device: 'device-1', time, clock, random, log })
    cleanUp(t, () => buffer.stop(AbortSignal.abort()))
    await buffer.start(never)
    return buffer
  }
  return { clock, start }
}

/** Two letters of stream `a` and one of `b`. */
async function park(buffer: SqliteBuffer): Promise<void> {
  const reason = 'not good'
  for (const [stream, code] of [
    ['a', 'invalid'],
    ['a', 'too_large'],
    ['b', 'invalid']
  ] as const) {
    await buffer.append({
      ...chunkOf(stream, `${stream} ${code} 1`, `${stream} ${code} 2`),
      urgent: true
    })
    const frame = (await framesOf(buffer, stream)).at(-1)
    await buffer.release(frame?.id ?? '', [{ code, reason }])
  }
}

async function letters(buffer: SqliteBuffer): Promise<number> {
  let count = 0
  for await (const one of lettersOf(buffer, {})) count += one.id > 0 ? 1 : 0
  return count
}

test('replayed letters wait in their streams under new numbers, and are letters no more', async (t) => {
  const { start, clock } = await setup(t)
  const before = await start()
  await park(before)
  await before.stop(never)
  const buffer = await start()
  const done = await replayLetters(buffer, {}, clock)
  assert.deepEqual([done.letters, done.records, done.unreadable], [3, 6, []])
  assert.equal(await letters(buffer), 0)
  const frames = await framesOf(buffer, 'a')
  assert.deepEqual(await textsOf(frames), [
    'a invalid 1',
    'a invalid 2',
    'a too_large 1',
    'a too_large 2'
  ])
  assert.deepEqual([...new Set(frames.map(({ header }) => header.epoch))], [buffer.stats().epoch])
  assert.deepEqual([...buffer.cursors('dead-letters')], [])
})

test('a filter leaves the other letters alone', async (t) => {
  const { start, clock } = await setup(t)
  const buffer = await start()
  await park(buffer)
  await replayLetters(buffer, { stream: 'a', code: 'invalid' }, clock)
  assert.equal(await letters(buffer), 2)
  assert.deepEqual(buffer.streams(), ['a'])
})

test('a crash between storing and removing doubles nothing', async (t) => {
  const { start } = await setup(t)
  const crashing = await start()
  await park(crashing)
  crashing.removeDeadLetters = () => Promise.reject(new Error('crash'))
  await assert.rejects(replayLetters(crashing, {}, systemClock), /crash/)
  await crashing.stop(never)
  const buffer = await start()
  assert.equal(await letters(buffer), 3)
  const done = await replayLetters(buffer, {}, systemClock)
  assert.equal(done.letters, 3)
  assert.equal(await letters(buffer), 0)
  assert.equal((await textsOf(await framesOf(buffer, 'a'))).length, 4)
})

test('the mark of a letter does not pass for that of another under the same id', async (t) => {
  const { start, clock } = await setup(t)
  const buffer = await start()
  await park(buffer)
  const position = Buffer.from('of an older letter')
  const cursors = [1, 2, 3].map((id) => ({ source: `dead-letters:${id}`, position }))
  await buffer.append({ ...chunkOf('c', 'x'), cursors, urgent: true })
  await replayLetters(buffer, {}, clock)
  assert.equal((await textsOf(await framesOf(buffer, 'a'))).length, 4)
})

test('letters that are dropped are counted as lost, over a restart', async (t) => {
  const { start } = await setup(t)
  const before = await start()
  await park(before)
  const ids: number[] = []
  for await (const { id } of lettersOf(before, { stream: 'a' })) ids.push(id)
  await before.removeDeadLetters(ids, { lost: true })
  await before.stop(never)
  const buffer = await start()
  assert.equal(await letters(buffer), 1)
  assert.deepEqual(buffer.stats().lost, [
    { stream: 'a', reason: 'dead_letter_dropped', records: 4 }
  ])
})

test('a letter whose records came back before a crash is dropped without a loss', async (t) => {
  const { start } = await setup(t)
  const crashing = await start()
  await park(crashing)
  crashing.removeDeadLetters = () => Promise.reject(new Error('crash'))
  await assert.rejects(replayLetters(crashing, { ids: [1] }, systemClock), /crash/)
  await crashing.stop(never)
  const buffer = await start()
  const dropped = await dropLetters(buffer, {}, systemClock)
  assert.deepEqual(dropped, { letters: 2, records: 4, replayedRecords: 2 })
  assert.equal(await letters(buffer), 0)
  const lost = buffer.stats().lost.map(({ stream, records }) => [stream, records])
  assert.deepEqual(lost, [
    ['a', 2],
    ['b', 2]
  ])
  const texts = await textsOf(await framesOf(buffer, 'a'))
  assert.deepEqual(texts.slice(0, 2), ['a invalid 1', 'a invalid 2'])
  assert.deepEqual([...buffer.cursors('dead-letters')], [])
})

test('a letter whose bytes are no frame stays and is named', async (t) => {
  const { start, clock } = await setup(t)
  const buffer = await start()
  await park(buffer)
  const real = buffer.deadLetters.bind(buffer)
  buffer.deadLetters = async (page) =>
    (await real(page)).map(({ id, letter }) =>
      id === 2 ? { id, letter: { ...letter, body: Buffer.from('garbage') } } : { id, letter }
    )
  const done = await replayLetters(buffer, {}, clock)
  assert.deepEqual(
    done.unreadable.map(({ id }) => id),
    [2]
  )
  assert.equal(done.letters, 2)
})

test('a replay of some letters forgets nothing of a crash among the others', async (t) => {
  const { start } = await setup(t)
  const crashing = await start()
  await park(crashing)
  crashing.removeDeadLetters = () => Promise.reject(new Error('crash'))
  await assert.rejects(replayLetters(crashing, { ids: [1, 2] }, systemClock), /crash/)
  await crashing.stop(never)
  const buffer = await start()
  await replayLetters(buffer, { ids: [3] }, systemClock)
  await replayLetters(buffer, {}, systemClock)
  assert.equal((await textsOf(await framesOf(buffer, 'a'))).length, 4)
  assert.deepEqual([...buffer.cursors('dead-letters')], [])
})
