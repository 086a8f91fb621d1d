import assert from 'node:assert/strict'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { DataDirectory } from '../../../../agent/buffer/store/data-directory.ts'
import { Database } from '../../../../shared/sqlite.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const log = pino({ level: 'silent' })
const directoryAt = (path: string) => new DataDirectory(path, (file) => Database.open(file), log)

test('a path where nothing can be made is refused at once, by its name', {
  timeout: 5000
}, async () => {
  for (const path of ['/proc/headwater/data', '/proc/self/data']) {
    const directory = directoryAt(path)
    await assert.rejects(directory.acquire(), (error: Error) => {
      assert.equal((error as Error & { code?: string }).code, 'config')
      assert.match(error.message, /\/proc/)
      assert.match(error.message, /--data-dir/)
      return true
    })
    await directory.release()
  }
})

test('a file in the way is refused, by its name', async (t) => {
  const path = join(await tempDir(t), 'data')
  await writeFile(path, '')
  await assert.rejects(directoryAt(path).acquire(), { code: 'config' })
  await assert.rejects(directoryAt(join(path, 'deeper')).acquire(), { code: 'config' })
})

test('all levels are made, also through a link', async (t) => {
  const parent = await tempDir(t)
  await mkdir(join(parent, 'real'))
  await symlink(join(parent, 'real'), join(parent, 'link'))
  const directory = directoryAt(join(parent, 'link', 'a', 'b'))
  await directory.acquire()
  assert.ok((await readdir(join(parent, 'real', 'a', 'b'))).includes('segments'))
  await directory.release()
})

test('one process has it at a time', async (t) => {
  const path = await tempDir(t)
  const first = directoryAt(path)
  const second = directoryAt(path)
  await first.acquire()
  await assert.rejects(second.acquire(), { code: 'store_locked' })
  await first.release()
  await second.acquire()
  await second.release()
})

test('a damaged lock file is no reason not to start', async (t) => {
  const path = await tempDir(t)
  await writeFile(join(path, 'lock'), Buffer.alloc(5000, 9))
  const directory = directoryAt(path)
  await directory.acquire()
  assert.equal(directory.readOnly, false)
  await assert.rejects(directoryAt(path).acquire(), { code: 'store_locked' })
  await directory.release()
})
