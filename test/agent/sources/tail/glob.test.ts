import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { excluder, Glob } from '../../../../agent/sources/tail/glob.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const none = (path: string, error: unknown) => assert.fail(`${path}: ${String(error)}`)

test('a pattern finds exactly the paths that it also matches', async (t) => {
  const root = await tempDir(t)
  const files = [
    'a.log',
    'b.log',
    'b.log.1',
    '.hidden.log',
    'a+b.log',
    'x/c.log',
    'x/y/d.log',
    'x/.z/e.log',
    '[1].txt'
  ]
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true })
    await writeFile(join(root, file), '')
  }
  const cases: [string, string[]][] = [
    ['a.log', ['a.log']],
    ['*.log', ['a+b.log', 'a.log', 'b.log']],
    ['.*.log', ['.hidden.log']],
    ['?.log', ['a.log', 'b.log']],
    ['[!a].log', ['b.log']],
    ['[a-b].log', ['a.log', 'b.log']],
    ['[[]1].txt', ['[1].txt']],
    ['a+b.log', ['a+b.log']],
    ['{a,b}.log{,.1}', ['a.log', 'a.log.1', 'b.log', 'b.log.1']],
    ['*/*.log', ['x/c.log']],
    ['**/*.log', ['a+b.log', 'a.log', 'b.log', 'x/c.log', 'x/y/d.log']],
    ['x/**', ['x/c.log', 'x/y', 'x/y/d.log']],
    ['none/*.log', []]
  ]
  for (const [pattern, expected] of cases) {
    const glob = new Glob(join(root, pattern))
    const found = await glob.expand(100, none)
    const relative = found.map((path) => path.slice(root.length + 1)).sort()
    assert.deepEqual(relative, expected.sort(), pattern)
    for (const path of found) assert.ok(glob.matches(path), `${pattern} matches ${path}`)
  }
})

test('a circle of links ends', async (t) => {
  const root = await tempDir(t)
  await mkdir(join(root, 'x'))
  await symlink(root, join(root, 'x/up'))
  await writeFile(join(root, 'a.log'), '')
  assert.deepEqual(await new Glob(join(root, '**/*.log')).expand(100, none), [join(root, 'a.log')])
})

test('no more paths are found than asked for', async (t) => {
  const root = await tempDir(t)
  for (let i = 0; i < 9; i++) await writeFile(join(root, `${i}.log`), '')
  assert.equal((await new Glob(join(root, '*')).expand(4, none)).length, 4)
})

test('an exclusion without a slash is about the name, one with a slash about the path', () => {
  const excluded = excluder(['*.{gz,xz}', '/var/log/private/**'])
  assert.ok(excluded('/var/log/a.log.gz'))
  assert.ok(excluded('/var/log/private/x/a.log'))
  assert.ok(!excluded('/var/log/a.log'))
})
