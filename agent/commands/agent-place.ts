import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Terminal } from '../../shared/command-line.ts'
import { ConfigProblems } from '../../shared/config/problems.ts'
import { readTree } from '../../shared/config/yaml-tree.ts'
import { HeadwaterError } from '../../shared/errors.ts'

/** Where `run` keeps its data when nothing else is said. */
const usualDataDir = './headwater-data/agent'

/** Where `init` writes the configuration, and where the packages keep it. */
const localConfig = 'agent.yaml'
const systemConfig = '/etc/headwater/agent.yaml'

/** The configuration that is meant when nothing is named. */
export function usualConfig(): string | undefined {
  return [localConfig, systemConfig].find((file) => existsSync(file))
}

interface PlaceFlags {
  readonly config?: string
  readonly dataDir?: string
}

/** Flags that say which agent of this machine is meant. */
export function addPlaceFlags(command: Command): Command {
  return command
    .option('--config <file>', 'agent.yaml of the agent')
    .option('--data-dir <dir>', 'where the agent keeps its data')
}

/**
 * The configuration file of the agent that is meant: that of the flag, else `agent.yaml` here, else
 * that of the package. None is known where a data directory is named alone, or `run` was told
 * everything by flags, here.
 */
export function configOf({ config, dataDir }: PlaceFlags): string | undefined {
  if (config !== undefined || dataDir !== undefined) return config
  const isRunHere = existsSync(usualDataDir) && !existsSync(localConfig)
  return isRunHere ? undefined : usualConfig()
}

/**
 * The data directory of the agent that is meant: as the flags say, else as its configuration, else
 * that of `run` here. Only `dataDir` of the file is looked at, so a mistake elsewhere does not
 * matter. Throws `config`.
 */
export function dataDirOf(flags: PlaceFlags, { env }: Pick<Terminal, 'env'>): string {
  if (flags.dataDir !== undefined) return resolve(flags.dataDir)
  const file = configOf(flags)
  return (file === undefined ? undefined : dataDirIn(file, env)) ?? resolve(usualDataDir)
}

function dataDirIn(file: string, env: Terminal['env']): string | undefined {
  const problems = new ConfigProblems(file)
  const { dataDir } = readTree(textOf(file), { file, env, keepFiles: ['token'] }, problems)
  if (typeof dataDir === 'string') return resolve(dataDir)
  problems.throwIfAny()
  return undefined
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HeadwaterError('config', `${file}: cannot be read: ${String(cause)}`, { cause })
  }
}
