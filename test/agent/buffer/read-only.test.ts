import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../support/manual-clock.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { never, passUntil, storage } from './setup.ts'

test('a read-only directory is drained, takes readings in memory, and is written when it can be', async (t) => {
  const disk = new FaultyDisk()
  const clock = new ManualClock()
  const { directory, start } = await storage(t, {
    openDatabase: disk.open,
    clock,
    segmentBytes: 20_000
  })
  const first = await start()
  for (let n = 1; n <= 30; n++) {
    const cursors = [{ source: 'x', position: Buffer.from(`${n}`) }]
    await first.append({ ...chunkOf('a', `${n}`.padEnd(2000, '.')), cursors })
  }
  await first.stop(never)
  const before = await readdir(`${directory}/segments`)
  disk.fault = (_, path) => (path.startsWith(directory) ? 'fails' : undefined)
  const buffer = await start()
  const texts = await textsOf(await framesOf(buffer, 'a'))
  assert.equal(texts.length, 30)
  assert.equal(buffer.cursors('x').get('x')?.toString(), '30')
  for (const { id } of (await framesOf(buffer, 'a')).slice(0, 20)) await buffer.release(id)
  let durable = false
  const waiting = buffer.append(chunkOf('a', 'durable')).then(() => (durable = true))
  while (buffer.stats().mode === 'disk') await clock.advance(10)
  await buffer.append({ ...chunkOf('a', 'reading'), volatile: true })
  const [parkMe] = await framesOf(buffer, 'a')
  assert.ok(parkMe)
  const parked = [{ code: 'invalid' as const, reason: 'no' }]
  await assert.rejects(buffer.release(parkMe.id, parked), { code: 'store_full' })
  await clock.advance(60_000)
  assert.equal(durable, false)
  assert.deepEqual(await readdir(`${directory}/segments`), before)
  disk.fault = () => undefined
  await passUntil(clock, 1000, () => durable)
  await waiting
  await buffer.release(parkMe.id, parked)
  const rest = await textsOf(await framesOf(buffer, 'a'))
  assert.deepEqual(rest, [...texts.slice(21), 'durable', 'reading'])
  await buffer.stop(never)
  const again = await start()
  assert.deepEqual(await textsOf(await framesOf(again, 'a')), rest)
  assert.equal((await again.deadLetters({ limit: 10 })).length, 1)
})

test('a start on a disk that is too full to open anything drains from memory, and writes later', async (t) => {
  const disk = new FaultyDisk()
  const clock = new ManualClock()
  const { directory, start } = await storage(t, { openDatabase: disk.open, clock })
  const first = await start()
  const cursors = [{ source: 'x', position: Buffer.from('1') }]
  await first.append({ ...chunkOf('a', '1'), cursors })
  await first.stop(never)
  for (const full of ['segments', 'agent.db', 'lock']) {
    disk.fault = (sql, path) =>
      path.startsWith(directory) && path.includes(full) && sql === 'open' ? 'fails' : undefined
    const buffer = await start()
    const before = await textsOf(await framesOf(buffer, 'a'))
    assert.equal(before[0], '1')
    assert.equal(buffer.cursors('x').get('x')?.toString(), '1')
    let durable = false
    const waiting = buffer.append(chunkOf('a', full)).then(() => (durable = true))
    while (buffer.stats().mode === 'disk') await clock.advance(10)
    disk.fault = () => undefined
    await passUntil(clock, 1000, () => durable)
    await waiting
    assert.deepEqual(await textsOf(await framesOf(buffer, 'a')), [...before, full])
    await buffer.stop(never)
  }
})

test('a directory that nobody can make is an error of the configuration', async (t) => {
  const { directory, create } = await storage(t)
  await writeFile(join(directory, 'file'), '')
  const buffer = create({ directory: join(directory, 'file', 'data') })
  await assert.rejects(buffer.start(never), { code: 'config', message: /--data-dir/ })
  await buffer.stop(never)
})
