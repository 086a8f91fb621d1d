import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = repositoryAbove(fileURLToPath(import.meta.url))

function repositoryAbove(path: string): string {
  const parent = join(path, '..')
  return existsSync(join(parent, 'package-lock.json')) ? parent : repositoryAbove(parent)
}

/** The package that was built last; making one takes a minute, so that is not part of the tests. */
export function packageOf(program: string, architecture: string): string | undefined {
  const folder = join(root, 'packages')
  const names = existsSync(folder) ? readdirSync(folder) : []
  const found = names.find(
    (name) => name.startsWith(`headwater-${program}_`) && name.endsWith(`_${architecture}.deb`)
  )
  return found && join(folder, found)
}

/** Why a test is skipped; false when all are there. */
export function lacking(...tools: readonly string[]): string | false {
  const missing = tools.filter((tool) => spawnSync('which', [tool]).status !== 0)
  return missing.length > 0 && `${missing.join(', ')} not installed`
}
