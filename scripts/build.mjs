#!/usr/bin/env node
// Compiles everything into dist/ and removes what has no source any more.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { bootstrap } from './bootstrap.mjs'
import { root, runsAlone, stop } from './program.mjs'

/** Ends the process with the compiler's messages when it finds a mistake. */
export function build() {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const done = spawnSync(process.execPath, [compiler, '-p', '.'], { cwd: root, stdio: 'inherit' })
  if (done.status !== 0) stop('the build failed')
  removeOrphans(join(root, 'dist'))
}

/** A test or source that was deleted must not run on from its old output. */
function removeOrphans(dist) {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const output = join(entry.parentPath, entry.name)
    const source = join(root, relative(dist, output)).replace(/\.js(\.map)?$/, '.ts')
    if (entry.isFile() && source.endsWith('.ts') && !existsSync(source)) rmSync(output)
  }
}

if (runsAlone(import.meta.url)) {
  bootstrap()
  build()
}
