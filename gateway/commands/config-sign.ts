import { open, readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { isMap, parseDocument } from 'yaml'
import type { Clock } from '../../shared/clock.ts'
import type { Terminal } from '../../shared/command-line.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { makeConfigKeys, parseTarget, signConfig, type Target } from '../../shared/signed-config.ts'

/** `config keygen`: to be run where the private key is to stay, which is not the gateway. */
export function keygenCommand(terminal: Terminal): Command {
  return new Command('keygen')
    .description('make a key to sign with, and print its public half for the agents')
    .requiredOption('--out <file>', 'where the private key goes; keep it off the gateway')
    .action(async ({ out }: { out: string }) => {
      const { publicKey, privateKey } = makeConfigKeys()
      await writeNew(out, privateKey)
      terminal.print(publicKey)
    })
}

interface SignOptions {
  readonly key: string
  readonly device?: string
  readonly group?: string
  readonly all?: true
  readonly revision?: string
}

/** `config sign`: what it prints is what `config set` takes. */
export function signCommand(terminal: Terminal, clock: Clock): Command {
  return new Command('sign')
    .description('sign keys of agent.yaml for a device, a group or all agents')
    .argument('<file>', 'YAML with the keys that are to take the place of those on the devices')
    .requiredOption('--key <file>', 'private key of "config keygen"')
    .addOption(new Option('--device <name>', 'for this device').conflicts(['group', 'all']))
    .addOption(new Option('--group <name>', 'for the agents of this group').conflicts('all'))
    .option('--all', 'for every agent')
    .option(
      '--revision <number>',
      'version; agents take only higher ones than before (default: seconds since 1970)'
    )
    .action(async (file: string, options: SignOptions) => {
      const target = targetOf(options)
      const version = versionOf(options.revision, clock)
      const config = requireMap(await read(file), file)
      const signed = signConfig({ version, target, config }, await read(options.key))
      terminal.print(signed.trimEnd())
    })
}

function targetOf({ device, group, all }: SignOptions): Target {
  if (device !== undefined) return parseTarget(`device/${device}`)
  if (group !== undefined) return parseTarget(`group/${group}`)
  if (all) return 'all'
  throw new HeadwaterError('config', 'say whom it is for: --device NAME, --group NAME or --all')
}

function versionOf(revision: string | undefined, clock: Clock): number {
  if (revision === undefined) return Math.floor(clock.wallMs() / 1000)
  if (/^[1-9]\d{0,14}$/.test(revision)) return Number(revision)
  throw new HeadwaterError('config', '--revision must be a whole number from 1')
}

/** What an agent would refuse at the first look is not worth a signature. */
function requireMap(text: string, file: string): string {
  const document = parseDocument(text)
  const [error] = document.errors
  if (error) throw new HeadwaterError('config', `${file}: ${error.message}`, { cause: error })
  if (isMap(document.contents)) return text
  throw new HeadwaterError('config', `${file}: must be a map of keys and values`)
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HeadwaterError('config', `${file}: cannot be read: ${String(cause)}`, { cause })
  })
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    const message = `${path}: cannot be made, or exists: ${String(cause)}`
    throw new HeadwaterError('config', message, { cause })
  })
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
