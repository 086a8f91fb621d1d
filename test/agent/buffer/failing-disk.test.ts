import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { passUntil, storage } from './setup.ts'

const inSegments = (path: string) => path.includes('segments')

test('a commit that failed is written again under a new epoch, once', async (t) => {
  const disk = new FaultyDisk()
  const clock = new ManualClock()
  const { start } = await storage(t, { openDatabase: disk.open, clock })
  const buffer = await start()
  await buffer.append(chunkOf('a', '1'))
  const before = buffer.stats().epoch
  for (const statement of ['INSERT INTO frames', 'BEGIN', 'COMMIT']) {
    disk.fault = (sql, path) =>
      inSegments(path) && sql.startsWith(statement) ? 'fails' : undefined
    const appended = buffer.append(chunkOf('a', statement))
    await passUntil(clock, 100, () => buffer.stats().mode === 'memory')
    disk.fault = () => undefined
    await passUntil(clock, 100, () => buffer.stats().mode === 'disk')
    await appended
  }
  const frames = await framesOf(buffer, 'a')
  assert.deepEqual(await textsOf(frames), ['1', 'INSERT INTO frames', 'BEGIN', 'COMMIT'])
  assert.equal(new Set(frames.map(({ header }) => header.epoch)).size, 4)
  assert.equal(frames[0]?.header.epoch, before)
  for (const { header } of frames) assert.equal(header.prev, header.first - 1)
})

test('a commit that happened but was reported as failed is not written twice', async (t) => {
  const disk = new FaultyDisk()
  const clock = new ManualClock()
  const { start } = await storage(t, { openDatabase: disk.open, clock })
  const buffer = await start()
  await buffer.append(chunkOf('a', '1'))
  let failed = false
  disk.fault = (sql, path) => {
    if (failed || !inSegments(path) || sql !== 'COMMIT') return undefined
    failed = true
    return 'fails-after'
  }
  const cursors = [{ source: 'x', position: Buffer.from('2') }]
  const appended = buffer.append({ ...chunkOf('a', '2'), cursors })
  await passUntil(clock, 100, () => failed)
  await appended
  await buffer.append(chunkOf('a', '3'))
  const frames = await framesOf(buffer, 'a')
  assert.deepEqual(await textsOf(frames), ['1', '2', '3'])
  assert.equal(frames[1]?.header.epoch, frames[0]?.header.epoch)
  assert.notEqual(frames[2]?.header.epoch, frames[0]?.header.epoch)
  assert.equal(buffer.cursors('x').get('x')?.toString(), '2')
  await buffer.stop(AbortSignal.abort())
  const again = await start()
  assert.deepEqual(await textsOf(await framesOf(again, 'a')), ['1', '2', '3'])
})

test('while it cannot be known whether a commit happened nothing else is written', async (t) => {
  const disk = new FaultyDisk()
  const clock = new ManualClock()
  const { start } = await storage(t, { openDatabase: disk.open, clock })
  const buffer = await start()
  await buffer.append(chunkOf('a', '1'))
  disk.fault = (sql, path) => {
    if (!inSegments(path)) return undefined
    return sql === 'COMMIT' ? 'fails-after' : sql === 'open' ? 'fails' : undefined
  }
  const appended = buffer.append(chunkOf('a', '2'))
  const next = buffer.append(chunkOf('a', '3'))
  await passUntil(clock, 100, () => buffer.stats().mode === 'memory')
  await clock.advance(60_000)
  assert.equal(buffer.stats().records, 1)
  disk.fault = () => undefined
  await passUntil(clock, 100, () => buffer.stats().mode === 'disk')
  await Promise.all([appended, next])
  assert.deepEqual(await textsOf(await framesOf(buffer, 'a')), ['1', '2', '3'])
})

test('on a full disk readings go to the ring, all else waits, and order holds when it works again', async (t) => {
  const clock = new ManualClock()
  let free = 1e9
  const { start } = await storage(t, {
    clock,
    freeBytes: () => Promise.resolve(free),
    freeDiskFloorBytes: 1e6,
    ringRecords: 3
  })
  const buffer = await start()
  await buffer.append(chunkOf('a', 'first'))
  const before = buffer.stats().epoch
  free = 5
  let waited = false
  const waiting = buffer.append(chunkOf('a', 'waits')).then(() => (waited = true))
  await passUntil(clock, 100, () => buffer.stats().mode === 'memory')
  for (const text of ['r1', 'r2', 'r3', 'r4', 'r5']) {
    await buffer.append({ ...chunkOf('a', text), volatile: true })
  }
  await passUntil(clock, 100, () => buffer.stats().ringRecords === 3)
  assert.deepEqual(buffer.stats().lost, [{ stream: 'a', reason: 'ring_overflow', records: 2 }])
  await clock.advance(120_000)
  await settle(50)
  assert.equal(waited, false)
  free = 1e9
  await passUntil(clock, 100, () => buffer.stats().mode === 'disk')
  await waiting
  const frames = await framesOf(buffer, 'a')
  const texts = await textsOf(frames)
  const loss = { headwater: 'loss', reason: 'ring_overflow', records: 2, total: 2 }
  const notice = JSON.stringify(loss)
  assert.deepEqual(
    texts.filter((text) => text !== notice),
    ['first', 'waits', 'r3', 'r4', 'r5']
  )
  assert.equal(texts.filter((text) => text === notice).length, 1)
  assert.notEqual(frames.at(-1)?.header.epoch, before)
  assert.equal(buffer.stats().ringRecords, 0)
})

test('the ring is bounded by bytes', async (t) => {
  const clock = new ManualClock()
  const { start } = await storage(t, {
    clock,
    freeBytes: () => Promise.resolve(0),
    ringBytes: 5000
  })
  const buffer = await start()
  for (let i = 0; i < 10; i++) {
    await Promise.all([
      buffer.append({ ...chunkOf('a', `${i}`.padEnd(1000)), volatile: true }),
      passUntil(clock, 100, () => buffer.stats().mode === 'memory')
    ])
  }
  assert.equal(buffer.stats().ringRecords, 4)
})

test('what waits for a dead disk is refused when the deadline of the stop comes', async (t) => {
  const clock = new ManualClock()
  const { start } = await storage(t, { clock, freeBytes: () => Promise.resolve(0) })
  const buffer = await start()
  const refused = assert.rejects(buffer.append(chunkOf('a', '1')), { code: 'store_full' })
  await passUntil(clock, 100, () => buffer.stats().mode === 'memory')
  await buffer.append({ ...chunkOf('a', '2'), volatile: true })
  const deadline = new AbortController()
  const stopped = buffer.stop(deadline.signal)
  await clock.advance(1000)
  deadline.abort()
  await stopped
  await refused
  const again = await start()
  assert.deepEqual(again.stats().lost, [{ stream: 'a', reason: 'ring_overflow', records: 1 }])
})

test('more than the bound of what waits is refused at once', async (t) => {
  const clock = new ManualClock()
  const { start } = await storage(t, { clock, freeBytes: () => Promise.resolve(0) })
  const buffer = await start()
  const appends = Array.from({ length: 400 }, () =>
    buffer.append(chunkOf('a', 'x'.repeat(60_000))).catch((error: unknown) => error)
  )
  const first = await Promise.race(appends)
  assert.match(String(first), /bytes wait for the disk already/)
  await buffer.stop(AbortSignal.abort())
  await Promise.all(appends)
})

test('appends do not hurry the next attempt on a disk that is unusable', async (t) => {
  const clock = new ManualClock()
  let asked = 0
  const { start } = await storage(t, {
    clock,
    freeBytes: () => {
      asked += 1
      return Promise.resolve(0)
    }
  })
  const buffer = await start()
  const reading = () => buffer.append({ ...chunkOf('a', 'r'), volatile: true })
  await Promise.all([reading(), passUntil(clock, 100, () => buffer.stats().mode === 'memory')])
  await passUntil(clock, 100, () => buffer.stats().ringRecords === 1)
  const before = asked
  for (let i = 0; i < 100; i++) await reading()
  await settle(50)
  assert.ok(asked - before <= 1, `${asked - before} attempts`)
  await buffer.stop(AbortSignal.abort())
})
