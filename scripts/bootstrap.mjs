#!/usr/bin/env node
// Makes a clone ready to build: checks Node's version and installs the packages of the lockfile
// when they are not there. Works without node_modules, so it uses nothing but Node.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root, runsAlone, stop } from './program.mjs'

const floor = [20, 19, 4]

/** Ends the process with a message when Node is too old or the install fails; else returns. */
export function bootstrap() {
  requireNode()
  if (isInstalled(root)) return
  console.error('installing packages (a minute or two the first time) ...')
  install(root, ['ci'])
}

function requireNode() {
  const [major = 0, minor = 0, patch = 0] = process.versions.node.split('.').map(Number)
  const difference = major - floor[0] || minor - floor[1] || patch - floor[2]
  if (difference < 0) {
    stop(`Node ${floor.join('.')} or newer is needed; this is ${process.versions.node}`)
  }
}

/**
 * Whether every package of the lockfile stands in node_modules at its version. npm leaves out
 * optional packages of other platforms, so those do not count. Times say nothing: a checkout
 * touches the lockfile.
 */
export function isInstalled(folder) {
  const present = packagesOf(join(folder, 'node_modules/.package-lock.json'))
  const wanted = packagesOf(join(folder, 'package-lock.json'))
  if (!present || !wanted) return false
  return Object.entries(wanted).every(
    ([path, one]) =>
      !path.startsWith('node_modules/') || one.optional || present[path]?.version === one.version
  )
}

function packagesOf(lockfile) {
  return existsSync(lockfile) ? JSON.parse(readFileSync(lockfile, 'utf8')).packages : undefined
}

/** Runs npm in `folder`; quiet unless it fails. */
export function install(folder, command) {
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include/node/node.h'))
  const env = {
    ...process.env,
    // sqlite3 compiles from source where no binary can be downloaded; the headers beside this Node
    // spare it the download of those.
    ...(headers ? { npm_config_nodedir: prefix } : {})
  }
  const options = ['--no-audit', '--no-fund', '--loglevel=error']
  // `npm start` says where the npm is that runs it; that one need not be in the path.
  const npm = process.env.npm_execpath
  const [file, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []]
  const done = spawnSync(file, [...first, ...command, ...options], {
    cwd: folder,
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024
  })
  if (done.status === 0) return
  stop(
    `npm ${command.join(' ')} failed in ${folder}\n${done.error ?? ''}${done.stdout}${done.stderr}`
  )
}

if (runsAlone(import.meta.url)) bootstrap()
