import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FileFinder, isRotationOf } from '../../../../agent/sources/tail/file-finder.ts'
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

test('the names that rotation gives are told from the names of other files', () => {
  const rotated: [string, string[]][] = [
    [
      'app.log',
      [
        'app.log.1',
        'app.log.10',
        'app.log-20250101',
        'app.log.2025-01-01T10',
        'app-20250101.log',
        'app.1.log',
        'app1.log',
        'app.log.old',
        'app.log.bak'
      ]
    ],
    ['syslog', ['syslog.1', 'syslog-20250101', 'syslog.old']]
  ]
  for (const [home, names] of rotated) {
    for (const name of names) assert.ok(isRotationOf(`/var/log/${name}`, `/var/log/${home}`), name)
  }
  const others = [
    'app.log',
    'app.1',
    'app.logs',
    'app.log.lock',
    'application.log',
    'app.log.1.swp',
    'app-error.log',
    'app.txt.1'
  ]
  for (const name of others) assert.ok(!isRotationOf(`/var/log/${name}`, '/var/log/app.log'), name)
  assert.ok(!isRotationOf('/var/log/old/app.log.1', '/var/log/app.log'))
})
