import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { exportFrames } from '../../../agent/carry/export-frames.ts'
import { smallDisk } from '../../support/small-disk.ts'
import { frameOf } from '../../support/stored-frames.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { carry, exportTo, framesIn, sourceOf } from './exports.ts'

test('an export that fails half way leaves no file', async (t) => {
  const directory = await tempDir(t)
  const sound = sourceOf(framesIn('a', 6))
  const source = {
    ...sound,
    async *frames() {
      yield* sound.frames()
      throw new Error('the disk of the agent failed')
    }
  }
  const options = { carry, base: join(directory, 'export'), maxFileBytes: 300 }
  await assert.rejects(exportFrames(source, options), /the disk of the agent failed/)
  assert.deepEqual(await readdir(directory), [])
})

test('an export never writes over a file', async (t) => {
  const directory = await tempDir(t)
  await writeFile(join(directory, 'export.002.hwx'), 'mine')
  await assert.rejects(exportTo(directory, framesIn('a', 6), { maxFileBytes: 300 }), {
    code: 'conflict',
    message: /export\.002\.hwx exists/
  })
  assert.deepEqual(await readdir(directory), ['export.002.hwx'])
})

test('a medium without room is refused before anything is written, with the sizes', async (t) => {
  const directory = await tempDir(t)
  const source = { ...sourceOf(framesIn('a', 1)), bytes: 2 ** 52 }
  const options = { carry, base: join(directory, 'export'), maxFileBytes: 300 }
  await assert.rejects(exportFrames(source, options), { code: 'store_full', message: /MiB|GiB/ })
  assert.deepEqual(await readdir(directory), [])
})

test('with nothing to export no file is written', async (t) => {
  const directory = join(await tempDir(t), 'stick')
  await mkdir(directory)
  const { paths, frames } = await exportTo(directory, [])
  assert.deepEqual([paths, frames], [[], 0])
  assert.deepEqual(await readdir(directory), [])
})

test('a medium that fills up half way is told by name, and nothing is left on it', async (t) => {
  const directory = join(await tempDir(t), 'stick')
  if (!smallDisk(t, directory, 6 * 1024 ** 2)) return
  const texts = Array.from({ length: 1000 }, (_, i) => `${i} ${'x'.repeat(1000)}`)
  const frames = Array.from({ length: 8 }, (_, i) =>
    frameOf(texts, { stream: 'a', first: 1000 * i + 1 })
  )
  await assert.rejects(exportTo(directory, frames, { maxFileBytes: 2 * 1024 ** 2 }), {
    code: 'store_full',
    message: /export\.00\d\.hwx is full; what was written of this export was taken away again/
  })
  assert.deepEqual(await readdir(directory), [])
})
