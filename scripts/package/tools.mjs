// Programs of Debian that the packages are made with.
import { spawnSync } from 'node:child_process'
import { stop } from '../program.mjs'

/** Ends the process naming what to install; `packages` are those that hold each command. */
export function requireTools(packages) {
  const missing = Object.entries(packages).filter(
    ([command]) => spawnSync(command, ['--version']).status !== 0
  )
  if (missing.length === 0) return
  const names = [...new Set(missing.map(([, name]) => name))].join(' ')
  stop(`${missing.map(([command]) => command).join(', ')} not found; apt install ${names}`)
}
