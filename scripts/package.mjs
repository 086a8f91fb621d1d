#!/usr/bin/env node
// Makes what is installed on other machines, in packages/: `npm run package` the agent as a tarball
// for npm and both programs as .deb for this machine's architecture; `npm run package -- deb arm64`
// or `-- tarball` only what is named.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrap } from './bootstrap.mjs'
import { build } from './build.mjs'
import { architectures, hostArchitecture } from './package/architectures.mjs'
import { makeDeb } from './package/deb.mjs'
import { makeTarball } from './package/tarball.mjs'
import { root, stop } from './program.mjs'

const forms = ['tarball', 'deb']
const named = process.argv.slice(2)
const known = [...forms, ...Object.keys(architectures)]
const unknown = named.filter((name) => !known.includes(name))
if (unknown.length > 0) stop(`unknown: ${unknown.join(', ')}; known: ${known.join(', ')}`)

const wanted = chosen(forms, forms)
const machines = chosen(Object.keys(architectures), [hostArchitecture()])
if (wanted.includes('deb') && machines.includes(undefined)) {
  stop(
    `there are no .deb packages for ${process.arch}; name ${Object.keys(architectures).join(' or ')}`
  )
}

bootstrap()
build()
const folder = join(root, 'packages')
mkdirSync(folder, { recursive: true })
if (wanted.includes('tarball')) report(makeTarball(folder))
if (wanted.includes('deb')) {
  for (const architecture of machines) {
    for (const program of ['agent', 'gateway']) {
      report(await makeDeb({ program, architecture, folder }))
    }
  }
}

/** Those of `all` that the command line names; `otherwise` when it names none. */
function chosen(all, otherwise) {
  const some = all.filter((name) => named.includes(name))
  return some.length > 0 ? some : otherwise
}

function report(file) {
  process.stdout.write(`packages/${file}\n`)
}
