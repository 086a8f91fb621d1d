import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Database } from '../../shared/sqlite.ts'
import { tempDir } from '../support/temp-dir.ts'

test('a statement that does not compile rejects every call, and may compile later', async (t) => {
  const db = await Database.open(':memory:')
  t.after(() => db.close())
  const calls = [
    db.all('SELECT * FROM t'),
    db.all('SELECT * FROM t'),
    db.run('INSERT INTO t VALUES (1)')
  ]
  for (const call of calls)
    await assert.rejects(call, { code: 'internal', message: /no such table/ })
  await db.exec('CREATE TABLE t (id)')
  await db.run('INSERT INTO t VALUES (1)')
  assert.deepEqual(await db.all('SELECT * FROM t'), [{ id: 1 }])
})

test('what is called after the statements of a transaction runs after them', async (t) => {
  const db = await Database.open(':memory:')
  t.after(() => db.close())
  const insert = 'INSERT INTO t VALUES (?)'
  await Promise.all([
    db.exec('CREATE TABLE t (id)'),
    db.exec('BEGIN'),
    db.run(insert, 1),
    db.run(insert, 2),
    db.exec('UPDATE t SET id = id + 10'),
    db.exec('COMMIT')
  ])
  assert.deepEqual(await db.all('SELECT id FROM t'), [{ id: 11 }, { id: 12 }])
})

test('a file that cannot be opened is told with what to look at', async (t) => {
  const path = join(await tempDir(t), 'missing', 'file.db')
  await assert.rejects(Database.open(path), {
    code: 'store_full',
    message: /missing\/file\.db: .*is its directory there/
  })
})

test('an existing file is asked for, and none is made', async (t) => {
  const path = join(await tempDir(t), 'file.db')
  await assert.rejects(Database.open(path, { existing: true }), { code: 'store_full' })
  await assert.rejects(stat(path), { code: 'ENOENT' })
})
