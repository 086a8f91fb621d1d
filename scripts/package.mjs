#!/usr/bin/env node
// Makes headwater-agent-<version>.tgz: the built agent and what it shares, installable with npm alone.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bootstrap } from './bootstrap.mjs'
import { build } from './build.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))

/** The package of the tarball: the agent's own, with what shared needs in place of the workspace. */
function manifest() {
  const { '@headwater/shared': _workspace, ...own } = read('agent').dependencies
  const { name: _name, private: _private, dependencies: _dependencies, ...rest } = read('agent')
  const { allowScripts } = read('.')
  return {
    ...rest,
    name: 'headwater-agent',
    files: ['bin', 'dist'],
    dependencies: { ...read('shared').dependencies, ...own },
    allowScripts
  }
}

bootstrap()
build()
const stage = mkdtempSync(join(tmpdir(), 'headwater-package-'))
try {
  const { version } = manifest()
  for (const folder of ['agent', 'shared']) {
    cpSync(join(root, 'dist', folder), join(stage, 'dist', folder), {
      recursive: true,
      filter: (path) => !path.endsWith('.map')
    })
  }
  const stub = readFileSync(join(root, 'agent/bin/headwater-agent.mjs'), 'utf8')
  cpSync(join(root, 'agent/bin'), join(stage, 'bin'), { recursive: true })
  writeFileSync(join(stage, 'bin/headwater-agent.mjs'), stub.replace('../../dist/', '../dist/'))
  cpSync(join(root, 'LICENSE'), join(stage, 'LICENSE'))
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
  execFileSync('npm', ['pack', '--silent', '--pack-destination', root], {
    cwd: stage,
    stdio: 'ignore'
  })
  process.stdout.write(`headwater-agent-${version}.tgz\n`)
} finally {
  rmSync(stage, { recursive: true, force: true })
}
