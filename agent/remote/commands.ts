import { isDeepStrictEqual } from 'node:util'
import { HeadwaterError } from '../../shared/errors.ts'
import type { AgentConfig } from '../config.ts'

/** Options that name a program to run, by kind of source, with what they are when nobody chose. */
export const commandOptions: Readonly<
  Record<string, Readonly<Record<string, string | undefined>>>
> = {
  exec: { exec: undefined },
  gpio: { command: 'gpiomon' },
  sensors: { vcgencmd: 'vcgencmd' }
}

/**
 * Whoever may choose what is read is not yet allowed to run programs: throws `config` when a source
 * runs one that the file of the device does not name for it.
 */
export function requireNoCommands(
  config: Pick<AgentConfig, 'sources'>,
  local: Pick<AgentConfig, 'sources'>
): void {
  for (const [name, source] of Object.entries(config.sources)) {
    if (isDeepStrictEqual(source, local.sources[name])) continue
    for (const [option, usual] of Object.entries(commandOptions[source.kind] ?? {})) {
      const chosen: unknown = Object.entries(Object(source.options)).find(
        ([key]) => key === option
      )?.[1]
      if (chosen === usual) continue
      throw new HeadwaterError(
        'config',
        `sources.${name}.${option}: runs a command; "commands: true" under "remote" in the file of the device allows it`
      )
    }
  }
}
