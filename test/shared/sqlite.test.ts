import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Database } from '../../shared/sqlite.ts'

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
