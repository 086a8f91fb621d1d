import { join, sep } from 'node:path'
import { realpathSync } from 'node:fs'
import { nearest } from './nearest.ts'
import { ConfigProblems } from './problems.ts'
import { readTree, type Tree } from './yaml-tree.ts'

/**
 * Keys that come from elsewhere: each takes the place of the whole key of the file and the flags.
 * What the text can reach on this machine is limited, whoever wrote it.
 */
export interface Overlay {
  /** Stands in messages where the path of a file would. */
  readonly name: string
  /** YAML. */
  readonly text: string
  /** Keys of the first level that it may have. */
  readonly keys: readonly string[]
  /** Folder of the files it may name as `{ file }`, and their base; absent: none. */
  readonly directory?: string | undefined
  /** Names of environment variables that it may use begin with this. */
  readonly envPrefix: string
}

export interface OverlaidKeys {
  readonly tree: Tree
  /** Where they stand. */
  readonly problems: ConfigProblems
}

/** Throws `config` with one line for each problem. */
export function readOverlay(
  overlay: Overlay,
  options: {
    readonly env: Readonly<Record<string, string | undefined>>
    readonly keepFiles: readonly string[]
  }
): OverlaidKeys {
  const { name, text, keys, directory, envPrefix } = overlay
  const problems = new ConfigProblems(name)
  const limits = {
    file: (path: string) => fileProblem(path, directory),
    variable: (variable: string) =>
      variable.startsWith(envPrefix)
        ? undefined
        : `\${${variable}} may not be used here, only names that begin with ${envPrefix}`
  }
  const file = join(directory ?? sep, name)
  const tree = readTree(text, { ...options, file, limits }, problems)
  for (const key of Object.keys(tree)) {
    if (!keys.includes(key)) problems.add([key], notAllowed(key, keys), { at: 'key' })
  }
  problems.throwIfAny()
  return { tree, problems }
}

function notAllowed(key: string, keys: readonly string[]): string {
  const near = nearest(key, keys)
  if (near !== undefined) return `unknown key; did you mean "${near}"?`
  return `may not be set from afar; here may stand: ${keys.join(', ')}`
}

function fileProblem(path: string, directory: string | undefined): string | undefined {
  if (directory === undefined) return 'no folder is configured whose files may be named here'
  const outside = `lies outside ${directory}, the folder whose files may be named here`
  if (!path.startsWith(`${directory}${sep}`)) return outside
  try {
    return realpathSync(path).startsWith(`${realpathSync(directory)}${sep}`) ? undefined : outside
  } catch {
    // Reading it will say what is wrong.
    return undefined
  }
}
