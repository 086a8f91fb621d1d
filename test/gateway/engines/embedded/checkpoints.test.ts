import assert from 'node:assert/strict'
import { rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Checkpoints } from '../../../../gateway/engines/embedded/checkpoints.ts'
import { openStoreFile } from '../../../../shared/store-file.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import type { TestContext } from 'node:test'

const everyBytes = 256 * 1024
const rowBytes = 32 * 1024

/** A file that SQLite itself never checkpoints. */
async function file(t: TestContext) {
  const path = join(await tempDir(t), 'file.db')
  const { db } = await openStoreFile(path, {
    version: 1,
    pageBytes: 4096,
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
