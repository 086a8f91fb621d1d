#!/usr/bin/env node
// Form, lint, dead code, and whether the reference pages are those of the code.
// Runs every check, so that one run shows everything there is to mend.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrap, install } from './bootstrap.mjs'
import { build } from './build.mjs'
import { root, stop } from './program.mjs'

const lint = join(root, 'scripts/lint')
const bin = join(lint, 'node_modules/.bin')

bootstrap()
build()
if (!lintersInstalled()) install(lint, ['install', '--no-save', '--no-package-lock'])

const failed = [
  run('biome format', join(bin, 'biome'), ['format', '--max-diagnostics=200', '.']),
  run('oxlint', join(bin, 'oxlint'), ['--type-aware']),
  run('knip', join(bin, 'knip'), ['--no-progress']),
  run('docs', process.execPath, [join(root, 'scripts/docs.mjs'), '--check'])
].filter((name) => name !== undefined)
if (failed.length > 0) stop(`failed: ${failed.join(', ')}`)
console.log('all checks passed')

/** The linters stand apart from the lockfile, so their exact versions are compared here. */
function lintersInstalled() {
  const { dependencies } = JSON.parse(readFileSync(join(lint, 'package.json'), 'utf8'))
  return Object.entries(dependencies).every(([name, version]) => {
    const path = join(lint, 'node_modules', name, 'package.json')
    return existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).version === version
  })
}

/** The name of the check when it fails. */
function run(name, file, args) {
  const env = { ...process.env, OXLINT_TSGOLINT_PATH: join(bin, 'tsgolint') }
  const done = spawnSync(file, args, { cwd: root, stdio: 'inherit', env })
  if (done.error) console.error(`${name}: ${done.error.message}`)
  return done.status === 0 ? undefined : name
}
