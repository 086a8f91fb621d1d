import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Terminal } from '../../shared/command-line.ts'
import { ConfigProblems } from '../../shared/config/problems.ts'
import { readTree, type Tree } from '../../shared/config/yaml-tree.ts'
import { HeadwaterError } from '../../shared/errors.ts'

/** Where `run` keeps its data when nothing else is said. */
export const usualDataDir = './headwater-data/agent'

/** Where `init` writes the configuration when nothing else is said. */
export const localConfig = 'agent.yaml'

/** Where the package has its configuration and its data. */
export const systemConfig = '/etc/headwater/agent.yaml'
export const systemDataDir = '/var/lib/headwater-agent'

/**
 * The environment of a command that somebody types: systemd hands credentials to the service alone,
 * but each has the name of its file beside the configuration of the package.
 */
export function withCredentials(env: Terminal['env']): Terminal['env'] {
  return { CREDENTIALS_DIRECTORY: dirname(systemConfig), ...env }
}

/** The configuration that is meant when nothing is named. */
export function usualConfig(): string | undefined {
  return [localConfig, systemConfig].find((file) => existsSync(file))
}

export interface PlaceFlags {
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
  const { dataDir } = treeOf(file, env, problems)
  if (typeof dataDir === 'string') return resolve(dataDir)
  problems.throwIfAny()
  return undefined
}

/** What a configuration says, unchecked. Throws `config` when it cannot be read. */
export function treeOf(file: string, env: Terminal['env'], problems: ConfigProblems): Tree {
  return readTree(textOf(file), { file, env, keepFiles: ['token'] }, problems)
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HeadwaterError('config', `${file}: cannot be read: ${String(cause)}`, { cause })
  }
}
