import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FileFinder } from '../../../../agent/sources/tail/file-finder.ts'
import { tempDir } from '../../../support/temp-dir.ts'

test('beside each home the files whose names begin alike are found, but those left out', async (t) => {
  const directory = await tempDir(t)
  const names = ['a.log', 'a.log.1', 'a.log.2.gz', 'ab.log', 'ab.log.1', 'other.log']
  for (const name of names) await writeFile(join(directory, name), name)
  const finder = new FileFinder({
    patterns: [join(directory, '*.log')],
    exclude: ['*.gz'],
    archives: false,
    maxFiles: 10,
    unreadable: () => assert.fail('all can be read')
  })
  const homes = ['a.log', 'ab.log'].map((name) => join(directory, name))
  const found = await finder.beside(new Set(homes))
  const seen = homes.map((home) =>
    [...(found.get(home)?.values() ?? [])]
      .map(({ path, matched }) => `${path.slice(directory.length + 1)} ${matched}`)
      .sort()
  )
  assert.deepEqual(seen, [
    ['a.log true', 'a.log.1 false', 'ab.log true', 'ab.log.1 false'],
    ['ab.log true', 'ab.log.1 false']
  ])
})

test('what was rotated into a directory below is found there where a pattern names that directory', async (t) => {
  const directory = await tempDir(t)
  await mkdir(join(directory, 'old'))
  await mkdir(join(directory, 'other'))
  for (const name of ['a.log', 'old/a.log.1', 'old/a.log.2.gz', 'other/a.log.3']) {
    await writeFile(join(directory, name), name)
  }
  const finder = new FileFinder({
    patterns: [join(directory, 'a.log'), join(directory, 'old/*')],
    exclude: ['*.gz'],
    archives: true,
    maxFiles: 10,
    unreadable: () => assert.fail('all can be read')
  })
  const home = join(directory, 'a.log')
  const found = (await finder.beside(new Set([home]))).get(home)
  const names = [...(found?.values() ?? [])].map(({ path }) => path.slice(directory.length + 1))
  assert.deepEqual(names.sort(), ['a.log', 'old/a.log.1', 'old/a.log.2.gz'])
})
