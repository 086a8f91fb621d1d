#!/usr/bin/env node
// Runs the tests: `npm test` all that need no outside server, `npm test -- fault gateway/fronts`
// only those below the folders named. Ends with the runner's own summary and exit code.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bootstrap } from './bootstrap.mjs'
import { build } from './build.mjs'
import { root } from './program.mjs'

const built = join(root, 'dist/test')
/** One process a file: they start programs or hurt them. The rest are unit tests and share one. */
const ownProcess = ['e2e', 'fault', 'fuzz', 'compat']
/** Only when named: they need clients that others wrote. */
const onlyNamed = ['compat']

bootstrap()
build()
const files = testFiles(process.argv.slice(2).map((name) => name.replace(/^test\//, '')))
process.exitCode = run(files)

function testFiles(folders) {
  const all = readdirSync(built, { recursive: true }).filter((name) => name.endsWith('.test.js'))
  const wanted = (file) =>
    folders.length > 0
      ? folders.some((folder) => file.startsWith(folder))
      : !onlyNamed.includes(topOf(file))
  return all.filter(wanted).toSorted((a, b) => a.localeCompare(b))
}

function topOf(file) {
  return file.split('/')[0] ?? ''
}

function run(files) {
  if (files.length === 0) {
    console.error('no tests there')
    return 1
  }
  // The runner sorts what it is given: the unit tests are the longest file, and so begin first.
  const folder = mkdtempSync(join(built, '..', '.units-'))
  try {
    const units = files.filter((file) => !ownProcess.includes(topOf(file)))
    const alone = files.filter((file) => ownProcess.includes(topOf(file)))
    const entry = join(folder, 'units.mjs')
    writeFileSync(entry, unitEntry(units))
    const list = [...(units.length > 0 ? [entry] : []), ...alone.map((file) => join(built, file))]
    // A handle that some test left open must not keep all of them from ending.
    const options = [
      ...['--test', '--test-concurrency=2', '--test-timeout=1200000', '--test-force-exit'],
      // Says once more at its end what failed, and why: the end is what one sees of a long run.
      '--test-reporter=spec'
    ]
    const done = spawnSync(process.execPath, [...options, ...list], { cwd: root, stdio: 'inherit' })
    return done.status ?? 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/**
 * Imports all unit tests into one process, which saves a start of Node for each of them. The first
 * test ends when all are there: the runner would end when those that it knows of have ended.
 */
function unitEntry(files) {
  const list = files.map((file) => ({
    name: relative(root, join(built, file)),
    url: pathToFileURL(join(built, file)).href
  }))
  return `import { test } from 'node:test'
let loaded
const all = new Promise((resolve) => { loaded = resolve })
test('${list.length} files of unit tests load', () => all)
for (const { name, url } of ${JSON.stringify(list)}) {
  try {
    await import(url)
  } catch (error) {
    test(name + ' loads', () => { throw error })
  }
}
loaded()
`
}
