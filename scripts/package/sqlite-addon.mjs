// The native part of sqlite3 for the machine a package is made for.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, stop } from '../program.mjs'
import { architectures, hostArchitecture } from './architectures.mjs'
import { nodeFor, strip } from './node-binary.mjs'
import { requireTools } from './tools.mjs'

const installed = join(root, 'node_modules/sqlite3')
const product = 'build/Release/node_sqlite3.node'

/** Writes the addon to `path`: the one of this checkout, or one compiled for another machine. */
export function copyAddon(architecture, path) {
  const addon =
    architecture === hostArchitecture() ? join(installed, product) : crossCompiled(architecture)
  cpSync(addon, path)
  strip(architecture, path)
}

/** Compiled once for each version of sqlite3, in about a minute; it is N-API, so any Node will do. */
function crossCompiled(architecture) {
  const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  const kept = join(root, '.build/package', `sqlite3-${version}-${architecture}.node`)
  if (existsSync(kept)) return kept
  requireCompiler(architecture)
  const folder = mkdtempSync(join(tmpdir(), 'headwater-sqlite3-'))
  try {
    compile(architecture, folder)
    mkdirSync(join(kept, '..'), { recursive: true })
    cpSync(join(folder, 'sqlite3', product), kept)
    return kept
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function requireCompiler(architecture) {
  const { triplet } = architectures[architecture]
  requireTools({ [`${triplet}-g++`]: `g++-${triplet}`, make: 'make', python3: 'python3' })
}

function compile(architecture, folder) {
  const { gyp, triplet } = architectures[architecture]
  const source = join(folder, 'sqlite3')
  cpSync(installed, source, {
    recursive: true,
    filter: (path) => path !== join(installed, 'build')
  })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const done = spawnSync(
    process.execPath,
    [join(root, 'node_modules/node-gyp/bin/node-gyp.js'), 'rebuild', `--arch=${gyp}`, '--jobs=max'],
    {
      cwd: source,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: {
        ...process.env,
        CC: `${triplet}-gcc`,
        CXX: `${triplet}-g++`,
        AR: `${triplet}-ar`,
        npm_config_nodedir: nodeFor(architecture)
      }
    }
  )
  if (done.status !== 0) stop(`sqlite3 does not compile for ${architecture}\n${done.stderr}`)
}
