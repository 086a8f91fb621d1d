import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AgentBuffer } from '../../../agent/buffer/buffer.ts'
import { agentStorePath } from '../../../agent/buffer/store/agent-store.ts'
import { readDeadLetters } from '../../../agent/buffer/dead-letters.ts'
import { Database } from '../../../shared/sqlite.ts'
import { unpackBody } from '../../../shared/wire/batch.ts'
import { decodeFrame } from '../../../shared/wire/frame.ts'
import { chunkOf, framesOf, textsOf } from '../../contract/buffer.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { never, storage } from './setup.ts'

async function appendOne(buffer: AgentBuffer, ...texts: string[]) {
  await buffer.append(chunkOf('a', ...texts))
  const frame = (await framesOf(buffer, 'a')).at(-1)
  assert.ok(frame)
  return frame
}

test('parked records keep bytes, key, time, identity, code and reason, over a restart', async (t) => {
  for (const compression of ['none', 'gzip'] as const) {
    const { start } = await storage(t, { compression })
    const buffer = await start()
    const frame = await appendOne(buffer, ...'abcdef')
    const { epoch } = frame.header
    await buffer.release(frame.id, [
      { code: 'invalid', reason: 'not good', seqs: [2, 3, 6] },
      { code: 'too_large', reason: 'too much', seqs: [5, 99] }
    ])
    await buffer.stop(never)
    const again = await start()
    const letters = (await again.deadLetters({ limit: 10 })).map(({ letter }) => letter)
    const [one, two] = letters
    assert.ok(one && two && letters.length === 2)
    assert.deepEqual(
      [one.stream, one.epoch, one.code, one.reason, one.seqs],
      [
        'a',
        epoch,
        'invalid',
        'not good',
        [
          [2, 3],
          [6, 6]
        ]
      ]
    )
    const columns = decodeFrame(await unpackBody(one.enc, one.body))
    assert.equal(columns.data.toString(), 'bcf')
    assert.deepEqual(columns.keys, ['key'])
    assert.deepEqual([...columns.times], [1.7e12, 1.7e12, 1.7e12])
    assert.deepEqual(two.seqs, [[5, 5]])
    assert.deepEqual(again.streams(), [])
  }
})

test('a whole frame is parked as it is, and letters are read a page at a time', async (t) => {
  const { directory, start } = await storage(t)
  const buffer = await start()
  for (const text of ['1', '2', '3']) {
    const frame = await appendOne(buffer, text, 'x')
    await buffer.release(frame.id, [{ code: 'invalid', reason: text }])
  }
  assert.equal(buffer.stats().parkedRecords, 6)
  const page = await buffer.deadLetters({ limit: 2 })
  const after = page.at(-1)?.id ?? 0
  const rest = await buffer.deadLetters({ after, limit: 2 })
  const reasons = [...page, ...rest].map(({ letter }) => letter.reason)
  assert.deepEqual(reasons, ['1', '2', '3'])
  // Another program may look while the agent runs.
  const path = await agentStorePath(directory)
  assert.ok(path)
  const db = await Database.open(path, { readonly: true })
  t.after(() => db.close())
  assert.equal((await readDeadLetters(db, { limit: 10 })).length, 3)
})

test('over their bytes the oldest dead letters give way, and are counted as lost', async (t) => {
  const { start } = await storage(t, { deadLetterBytes: 10_000 })
  const buffer = await start()
  for (let i = 0; i < 10; i++) {
    const frame = await appendOne(buffer, `${i}`.padEnd(2000), 'x')
    await buffer.release(frame.id, [{ code: 'invalid', reason: `${i}` }])
  }
  const letters = await buffer.deadLetters({ limit: 100 })
  assert.deepEqual(
    letters.map(({ letter }) => letter.reason),
    ['6', '7', '8', '9']
  )
  const { lost } = buffer.stats()
  assert.deepEqual(lost, [{ stream: 'a', reason: 'dead_letter_overflow', records: 12 }])
  await buffer.stop(never)
  const again = await start()
  assert.deepEqual(again.stats().lost, lost)
})

test('a frame is not released while its rejects cannot be parked', async (t) => {
  const disk = new FaultyDisk()
  const { start } = await storage(t, { openDatabase: disk.open })
  const buffer = await start()
  const frame = await appendOne(buffer, '1', '2')
  disk.fault = (sql, path) => (path.endsWith('agent.db') && sql === 'COMMIT' ? 'fails' : undefined)
  const parked = [{ code: 'invalid' as const, reason: 'no', seqs: [1] }]
  await assert.rejects(buffer.release(frame.id, parked), { code: 'store_full' })
  assert.deepEqual(await textsOf(await framesOf(buffer, 'a')), ['1', '2'])
  disk.fault = () => undefined
  await buffer.release(frame.id, parked)
  assert.deepEqual(await framesOf(buffer, 'a'), [])
  assert.equal((await buffer.deadLetters({ limit: 10 })).length, 1)
  assert.equal(buffer.stats().parkedRecords, 1)
})
