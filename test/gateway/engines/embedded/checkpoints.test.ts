import assert from 'node:assert/strict'
import { rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Checkpoints } from '../../../../gateway/engines/embedded/checkpoints.ts'
import { Database } from '../../../../shared/sqlite.ts'
import { openStoreFile } from '../../../../shared/store-file.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import type { TestContext } from 'node:test'

const everyBytes = 256 * 1024
const rowBytes = 32 * 1024
const pageBytes = 4096

/** A file that SQLite itself never checkpoints. */
async function file(t: TestContext) {
  const path = join(await tempDir(t), 'file.db')
  const { db } = await openStoreFile(path, {
    version: 1,
    pageBytes,
    checkpointBytes: 1024 * everyBytes
  })
  await db.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, data BLOB)')
  const checkpoints = new Checkpoints(db, everyBytes)
  cleanUp(t, async () => {
    await checkpoints.idle()
    await db.close()
  })
  const commit = async (id: number) => {
    await db.run('INSERT INTO rows VALUES (?, ?)', id, Buffer.alloc(rowBytes, id))
    checkpoints.committed(rowBytes)
  }
  const logBytes = async () => (await stat(`${path}-wal`)).size
  return { path, db, checkpoints, commit, logBytes }
}

test('the log begins anew though commits go on while it is moved', async (t) => {
  const { db, checkpoints, commit, logBytes } = await file(t)
  for (let id = 0; id < 400; id++) {
    await commit(id)
    // A few commits come while a move is under way.
    if (id % 5 === 0) await checkpoints.idle()
  }
  const bytes = await logBytes()
  assert.ok(bytes < 4 * everyBytes, `of ${400 * rowBytes} bytes the log has ${bytes}`)
  const rows = await db.all('SELECT id, data FROM rows ORDER BY id')
  assert.deepEqual(
    rows.map(({ id }) => id),
    Array.from({ length: 400 }, (_, id) => id)
  )
  assert.ok(rows.every(({ id, data }) => Buffer.alloc(rowBytes, Number(id)).equals(data as Buffer)))
})

test('a move that fails leaves the log to the next one', async (t) => {
  const { path, checkpoints, commit, logBytes } = await file(t)
  // The name leads nowhere for a while; the connection that writes has the file open.
  await rename(path, `${path}.elsewhere`)
  for (let id = 0; id < everyBytes / rowBytes; id++) await commit(id)
  await checkpoints.idle()
  await rename(`${path}.elsewhere`, path)
  for (let id = 100; id < 300; id++) {
    await commit(id)
    if (id % 5 === 0) await checkpoints.idle()
  }
  assert.ok((await logBytes()) < 6 * everyBytes)
})

/**
 * Commits during each move beside the commits: a transaction that reads keeps that move from going
 * further than to where the log ended before. Gives the frames of the log that each has reached.
 */
async function commitDuringMoves(
  t: TestContext,
  writer: Database,
  commit: () => Promise<void>
): Promise<number[]> {
  const reached: number[] = []
  const reader = await Database.open(writer.path, { existing: true })
  cleanUp(t, () => reader.close())
  t.mock.method(Database.prototype, 'get', async function (this: Database, sql: string) {
    if (this === writer) return (await this.all(sql))[0]
    await reader.exec('BEGIN')
    await reader.all('SELECT id FROM rows LIMIT 1')
    await commit()
    const [row] = await this.all(sql)
    await reader.exec('COMMIT')
    reached.push(Number(row?.['checkpointed']))
    return row
  })
  return reached
}

test('what is committed during a move is moved beside the commits too, until little is left', async (t) => {
  const { db, checkpoints, commit } = await file(t)
  let next = 0
  const fill = async (count: number) => {
    for (let i = 0; i < count; i++) await commit(next++)
  }
  const during = [20, 1, 20]
  const reached = await commitDuringMoves(t, db, () => fill(during.shift() ?? 0))
  await fill(everyBytes / rowBytes)
  await checkpoints.idle()
  assert.deepEqual(during, [20])
  const [first = 0, second = 0] = reached
  assert.ok(second >= first + (20 * rowBytes) / pageBytes, reached.join(' '))
  // The rest is for the connection that writes.
  await fill(1)
  await checkpoints.idle()
  assert.equal(reached.length, 2)
})

test('the log has a bound when more is committed during each move than it moves', async (t) => {
  const { db, checkpoints, commit, logBytes } = await file(t)
  let next = 0
  let mostBytes = 0
  const fill = async (count: number) => {
    for (let i = 0; i < count && next < 800; i++) await commit(next++)
    mostBytes = Math.max(mostBytes, await logBytes())
  }
  await commitDuringMoves(t, db, () => fill(32))
  while (next < 800) {
    await fill(everyBytes / rowBytes)
    await checkpoints.idle()
  }
  const bound = 16 * everyBytes
  assert.ok(mostBytes < bound, `of ${800 * rowBytes} bytes the log had ${mostBytes}`)
  assert.equal((await db.all('SELECT id FROM rows')).length, 800)
})
