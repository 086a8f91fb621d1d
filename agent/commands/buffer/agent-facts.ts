import { hostname } from 'node:os'
import type { Terminal } from '../../../shared/command-line.ts'
import { ConfigProblems } from '../../../shared/config/problems.ts'
import type { Tree } from '../../../shared/config/yaml-tree.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { requireName } from '../../../shared/record.ts'
import { deviceName } from '../../machine.ts'
import { dataDirOf, type PlaceFlags, treeOf, usualConfig } from '../agent-place.ts'

/** What an export must know of the agent that is not in its buffer. */
export interface AgentFacts {
  readonly device: string
  /** Streams that are sent newest first, as far as the configuration is known. */
  readonly newestFirst: readonly string[]
}

/**
 * Reads them from the flags and the configuration of the agent whose buffer is meant. A wrong device
 * would make every record come twice, so it is never guessed. Throws `config`.
 */
export function agentFacts(
  flags: PlaceFlags & { readonly device?: string },
  terminal: Pick<Terminal, 'env'>
): AgentFacts {
  const { device } = flags
  const { env } = terminal
  const file = flags.config ?? configOf(flags, terminal)
  if (file === undefined) {
    if (device !== undefined) return { device: requireName(device, '--device'), newestFirst: [] }
    const message = 'whose records are these? give --config FILE or --device ID of the agent'
    throw new HeadwaterError('config', message)
  }
  const problems = new ConfigProblems(file)
  const tree = treeOf(file, env, problems)
  const named = device ?? tree['device']
  // A mistake elsewhere, as a variable that only the service has, does not matter.
  if (named === undefined) problems.throwIfAny()
  const name = requireName(named ?? deviceName(hostname()), `${file}: device`)
  return { device: name, newestFirst: newestFirstIn(tree) }
}

/** The usual configuration, where it is that of this buffer. */
function configOf(flags: PlaceFlags, terminal: Pick<Terminal, 'env'>): string | undefined {
  const config = usualConfig()
  if (config === undefined) return undefined
  return dataDirOf({ config }, terminal) === dataDirOf(flags, terminal) ? config : undefined
}

function newestFirstIn(tree: Tree): string[] {
  const { streams } = tree
  if (typeof streams !== 'object' || streams === null) return []
  return Object.entries(streams).flatMap(([name, options]: [string, unknown]) =>
    JSON.stringify(options)?.includes('"newest-first"') ? name : []
  )
}
