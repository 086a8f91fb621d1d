import { Command } from 'commander'
import type { z } from 'zod'
import type { Terminal } from '../command-line.ts'
import { effectiveTree, effectiveYaml } from './effective.ts'
import { addFlags, type FlagSpec, flagValues } from './flags.ts'
import { configJsonSchema } from './json-schema.ts'
import type { LoadOptions } from './load-config.ts'
import type { Overlay } from './overlay.ts'

/** How a program is configured. `Config` is `Written` with what depends on the machine filled in. */
export interface ConfigSpec<Written, Config extends Written> {
  /** Usual name of its file, for help. */
  readonly file: string
  /** With everything that can be written. */
  readonly schema: () => Promise<z.ZodType<Written>>
  readonly flags: readonly FlagSpec[]
  readonly load: (options: LoadOptions) => Promise<Config>
  /** Path of the file that is meant where the command line says nothing; absent: none. */
  readonly usualFile?: () => string | undefined
}

/** A command that takes `--config` and the flags of `spec`, and what they amount to. */
export function configCommand<Written, Config extends Written>(
  name: string,
  spec: ConfigSpec<Written, Config>,
  terminal: Terminal
): { readonly command: Command; readonly load: (overlay?: Overlay) => Promise<Config> } {
  const command = new Command(name).option('--config <file>', `${spec.file}; flags override it`)
  addFlags(command, spec.flags)
  const load = (overlay?: Overlay) => {
    const flags = flagValues(command, spec.flags)
    const usual = flags.length === 0 ? spec.usualFile?.() : undefined
    const { config: file = usual } = command.opts<{ config?: string }>()
    return spec.load({ file, flags, env: terminal.env, overlay })
  }
  return { command, load }
}

/** `check`: the same for every program. */
export function checkCommand<Written, Config extends Written>(
  spec: ConfigSpec<Written, Config>,
  terminal: Terminal
): Command {
  const { command, load } = configCommand('check', spec, terminal)
  return command
    .description('check the configuration and print it with every default, without secrets')
    .option('--json', 'print JSON instead of YAML')
    .option('--schema', `print the JSON Schema of ${spec.file}, for editors`)
    .action(async (options: { json?: boolean; schema?: boolean }) => {
      if (options.schema) {
        terminal.print(JSON.stringify(configJsonSchema(await spec.schema(), spec.file), null, 2))
        return
      }
      const config = await load()
      const schema = await spec.schema()
      terminal.print(
        options.json
          ? JSON.stringify(effectiveTree(schema, config), null, 2)
          : effectiveYaml(schema, config).trimEnd()
      )
    })
}
