import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import type { Terminal } from '../../shared/command-line.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { loadAgentConfig } from '../config.ts'
import { deviceName } from '../machine.ts'
import { localConfig, systemConfig, systemDataDir, usualDataDir } from './agent-place.ts'

interface InitFlags {
  readonly to: string
  readonly device?: string
  readonly output: string
  readonly force?: true
}

/** `headwater-agent init`; `root` is where the machine is looked at. */
export function initCommand(terminal: Terminal, root = '/'): Command {
  return new Command('init')
    .description('look at this machine and write a configuration for it')
    .option('--to <url>', 'gateway: http(s)://… or mqtt(s)://…', 'http://127.0.0.1:8080')
    .option('--device <id>', 'who this is (default: the host)')
    .option('--output <file>', 'file to write', localConfig)
    .option('--force', 'write over a file that is there')
    .action((flags: InitFlags) => init(flags, terminal, root))
}

async function init(flags: InitFlags, terminal: Terminal, root: string): Promise<void> {
  const { output, force, to, device = deviceName(hostname()) } = flags
  if (!force && existsSync(output)) throw isThere(output)
  const [{ survey }, { draftOf }, { reportOf }, { sourceLoaders }] = await Promise.all([
    import('../init/survey.ts'),
    import('../init/draft.ts'),
    import('../init/report.ts'),
    import('../sources/index.ts')
  ])
  const found = await survey(root)
  const { dataDir, token, start } = surroundingsOf(resolve(output))
  const kinds = Object.keys(sourceLoaders)
  const draft = draftOf(found, { device, to, dataDir, token, kinds })
  await check(draft, { to, device }, terminal.env)
  await save(draft, output).catch((cause: unknown) => {
    throw new HeadwaterError('config', `--output: ${output} cannot be written: ${String(cause)}`, {
      cause
    })
  })
  terminal.print(reportOf(found))
  terminal.print(`\n${draft}`)
  terminal.print(`written to ${output}; next: ${start}`)
}

interface Surroundings {
  readonly dataDir: string
  /** As the configuration names the file of the token. */
  readonly token: string
  /** What starts the agent. */
  readonly start: string
}

/** What goes with a configuration at this absolute path: that of the package, or one of its own. */
export function surroundingsOf(config: string): Surroundings {
  if (config === systemConfig) {
    const token = '"${CREDENTIALS_DIRECTORY}/agent.token"'
    return { dataDir: systemDataDir, token, start: 'sudo systemctl restart headwater-agent' }
  }
  const dataDir = join(dirname(config), usualDataDir)
  return { dataDir, token: './token', start: `headwater-agent run --config ${config}` }
}

/** All of it or nothing: a full disk leaves no half of a file, and an old one as it was. */
async function save(draft: string, output: string): Promise<void> {
  const path = await realpath(output).catch(() => output)
  const fresh = `${path}.new`
  try {
    await writeFile(fresh, draft, { flush: true })
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined)
    throw error
  }
}

function isThere(output: string): HeadwaterError {
  const message = `${output} is there already; --output FILE, or --force to write over it`
  return new HeadwaterError('config', message)
}

/** Rejects with `config`, naming the flag, when what is to be written is not what `run` takes. */
async function check(
  draft: string,
  flags: { readonly to: string; readonly device: string },
  env: Terminal['env']
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-'))
  const file = join(folder, 'agent.yaml')
  const given = Object.entries(flags).map(([key, value]) => ({
    path: [key],
    value,
    flag: `--${key}`
  }))
  try {
    await writeFile(file, draft)
    await loadAgentConfig({ file, flags: given, env })
  } finally {
    await rm(folder, { recursive: true })
  }
}
