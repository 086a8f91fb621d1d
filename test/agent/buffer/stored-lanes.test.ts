import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sealFirstPage } from '../../../agent/buffer/store/first-page.ts'
import { Database } from '../../../shared/sqlite.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { never, progressSaved, storage } from './setup.ts'

/** One frame for each text, over several segments. */
async function filled(t: TestContext, count: number, clock = new ManualClock()) {
  const made = await storage(t, { segmentBytes: 20_000, clock })
  const buffer = await made.start()
  for (let n = 1; n <= count; n++) {
    await buffer.append(chunkOf('other', `${n}`))
    await buffer.append(chunkOf('a', `${n}`.padEnd(2000)))
  }
  return { ...made, buffer, epoch: buffer.stats().epoch }
}

test('a stream is read from any sequence number on, over segments and restarts', async (t) => {
  const { buffer, start, epoch } = await filled(t, 40)
  for (const life of ['first', 'second']) {
    if (life === 'second') await buffer.stop(never)
    const { lanes } = life === 'first' ? buffer : await start()
    for (const seq of [1, 7, 8, 23, 39, 40]) {
      const frames = await lanes.readFrom('a', { epoch, seq }, 5000)
      const texts = (await textsOf(frames)).map(Number)
      assert.deepEqual(
        texts,
        [seq, seq + 1].filter((n) => n <= 40)
      )
    }
    assert.deepEqual(await lanes.readFrom('a', { epoch, seq: 41 }, 5000), [])
  }
})

test('reading from a sequence number passes over what is settled', async (t) => {
  const { buffer, epoch } = await filled(t, 10)
  const frames = await framesOf(buffer, 'a')
  for (const { id } of frames.slice(3, 6)) await buffer.release(id)
  assert.equal(buffer.lanes.nextHeld('a', { epoch, seq: 3 }), 3)
  assert.equal(buffer.lanes.nextHeld('a', { epoch, seq: 4 }), 7)
  assert.equal(buffer.lanes.nextHeld('a', { epoch, seq: 11 }), 0)
  const read = await buffer.lanes.readFrom('a', { epoch, seq: 4 }, 1)
  assert.deepEqual((await textsOf(read)).map(Number), [7])
})

test('the newest frame is known, of this life alone', async (t) => {
  const { buffer, start, epoch } = await filled(t, 3)
  assert.deepEqual(buffer.lanes.newest('a'), { epoch, first: 3, last: 3 })
  await buffer.stop(never)
  const next = await start()
  assert.equal(next.lanes.newest('a'), undefined)
  assert.deepEqual(next.lanes.epochs('a'), [epoch])
  await next.append(chunkOf('a', '4', '5'))
  const second = next.stats().epoch
  assert.deepEqual(next.lanes.newest('a'), { epoch: second, first: 1, last: 2 })
  assert.deepEqual(next.lanes.epochs('a'), [epoch, second])
})

test('what was live is known after a restart while something of its epoch is held', async (t) => {
  const { buffer, start, epoch } = await filled(t, 3)
  assert.equal(buffer.lanes.live('a', epoch), undefined)
  await buffer.lanes.saveLive('a', new Map([[epoch, [[1, 2]]]]))
  await buffer.stop(never)
  const next = await start()
  assert.deepEqual(next.lanes.live('a', epoch), [[1, 2]])
  assert.deepEqual(next.lanes.live('other', epoch), [[1, Number.MAX_SAFE_INTEGER]])
  for (const stream of ['a', 'other']) {
    for (const { id } of await framesOf(next, stream)) await next.release(id)
  }
  await next.stop(never)
  const last = await start()
  assert.equal(last.lanes.live('a', epoch), undefined)
})

test('what is settled is final once that is on disk', async (t) => {
  const clock = new ManualClock()
  const { buffer, epoch } = await filled(t, 6, clock)
  await buffer.lanes.saveLive('a', new Map([[epoch, [[1, 2]]]]))
  for (const { id } of (await framesOf(buffer, 'a')).slice(0, 4)) await buffer.release(id)
  assert.equal(buffer.lanes.final('a', epoch), 0)
  await progressSaved(clock)
  assert.equal(buffer.lanes.final('a', epoch), 5)
})

test('an agent.db of a program that knew no lanes gets the table', async (t) => {
  const { directory, start, buffer, epoch } = await filled(t, 1)
  await buffer.stop(never)
  const db = await Database.open(join(directory, 'agent.db'))
  await db.exec('DROP TABLE live')
  await sealFirstPage(db)
  await db.close()
  const next = await start()
  await next.lanes.saveLive('a', new Map([[epoch, [[1, 1]]]]))
  assert.deepEqual(next.lanes.live('a', epoch), [[1, 1]])
  await next.stop(never)
  assert.deepEqual((await start()).lanes.live('a', epoch), [[1, 1]])
})
