// A program as it stands on the machine where it runs: built code, stubs, production dependencies.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { root } from '../program.mjs'

const read = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** What of a dependency is there for its developers, or for browsers. */
const unneeded =
  /^\.|\.(map|md|markdown|[cm]?ts|html|css|sh)$|^(test|tests|docs|benchmarks?|examples?)$/

/** Commands of dependencies start with it; nothing here runs them. */
const scriptMark = Buffer.from('#!')

/** sqlite3 downloads or compiles its addon during an install; here the addon is there already. */
const onlyFor = { sqlite3: ['lib', 'package.json', 'LICENSE'] }
const installTools = { sqlite3: ['prebuild-install', 'tar', 'node-addon-api'] }

/** Copies what the build made of `program`, with the stubs that start it, into `folder`. */
export function copyBuilt(program, folder) {
  for (const part of [program, 'shared']) {
    cpSync(join(root, 'dist', part), join(folder, 'dist', part), {
      recursive: true,
      filter: (path) => !path.endsWith('.map')
    })
  }
  mkdirSync(join(folder, 'bin'))
  for (const { file, text } of stubsOf(program)) {
    writeFileSync(join(folder, 'bin', file), text, { mode: 0o755 })
  }
}

/** The files in `<program>/bin`, for a folder that holds `bin` and `dist` side by side. */
export function stubsOf(program) {
  const folder = join(root, program, 'bin')
  return readdirSync(folder)
    .filter((file) => file.endsWith('.mjs'))
    .toSorted()
    .map((file) => {
      const text = readFileSync(join(folder, file), 'utf8').replace('../../dist/', '../dist/')
      return { file, text }
    })
}

/**
 * Flags of the Node that is packed, besides those that every Node knows. Compiling for speed later
 * keeps 3 MB of Node itself out of memory while little is to do.
 */
const ownFlags = { agent: '--interrupt-budget=4000000' }

/** What the first line of a stub gives to Node, and what the Node of the package is given besides. */
export function nodeFlagsOf(program, text) {
  const flags = /^#!.*\bnode\b(.*)/.exec(text)?.[1] ?? ''
  return `${flags} ${ownFlags[program] ?? ''}`.split(' ').filter((flag) => flag !== '')
}

/**
 * Copies the packages `program` needs to run, at their places in node_modules, or only those that
 * are `named`; returns the folders of all.
 */
export function copyDependencies(program, folder, named) {
  const places = dependenciesOf(program)
  for (const place of places) {
    const name = basename(place)
    if (named && !named.includes(name)) continue
    const from = join(root, place)
    for (const entry of onlyFor[name] ?? readdirSync(from)) {
      cpSync(join(from, entry), join(folder, place, entry), { recursive: true, filter: isNeeded })
    }
  }
  return places.map((place) => join(root, place))
}

function isNeeded(path) {
  if (unneeded.test(basename(path)) || basename(path) === 'node_modules') return false
  return statSync(path).isDirectory() || !readFileSync(path).subarray(0, 2).equals(scriptMark)
}

/** Folders below the root, such as `node_modules/a/node_modules/b`; what is optional is left out. */
function dependenciesOf(program) {
  const found = new Set()
  const visit = (folder) => {
    const {
      name,
      dependencies = {},
      optionalDependencies = {}
    } = read(join(root, folder, 'package.json'))
    for (const dependency of Object.keys(dependencies)) {
      if (dependency === '@headwater/shared') visit('shared')
      else if (!(dependency in optionalDependencies) && !installTools[name]?.includes(dependency)) {
        const place = placeOf(dependency, folder)
        if (found.has(place)) continue
        found.add(place)
        visit(place)
      }
    }
  }
  visit(program)
  return [...found].toSorted((a, b) => a.localeCompare(b))
}

/** Where Node finds `dependency` from a module in `folder`. */
function placeOf(dependency, folder) {
  for (let at = folder; ; at = dirname(at)) {
    const place = join(at, 'node_modules', dependency)
    if (existsSync(join(root, place))) return place
    if (at === '.') throw new Error(`${dependency} is not installed, needed by ${folder}`)
  }
}
