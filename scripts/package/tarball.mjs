// headwater-agent-<version>.tgz: the built agent and what it shares, installable with npm alone.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../program.mjs'
import { copyBuilt } from './program-tree.mjs'

const read = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))

/** Writes it into `folder`; returns its name. */
export function makeTarball(folder) {
  const stage = mkdtempSync(join(tmpdir(), 'headwater-package-'))
  try {
    const contents = manifest()
    copyBuilt('agent', stage)
    cpSync(join(root, 'LICENSE'), join(stage, 'LICENSE'))
    writeFileSync(join(stage, 'package.json'), `${JSON.stringify(contents, null, 2)}\n`)
    execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
      cwd: stage,
      stdio: 'ignore'
    })
    return `headwater-agent-${contents.version}.tgz`
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

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
