import type { Command } from 'commander'
import type { FlagValue } from './load-config.ts'
import type { KeyPath } from './problems.ts'

/** A flag of the command line that stands for a key of the configuration. */
export interface FlagSpec {
  /** As commander takes it: `--data-dir <dir>`. */
  readonly flag: string
  readonly help: string
  /** May be given several times; `set` then gets all. */
  readonly repeat?: boolean
  /** Which keys it sets, and to what. `given` is `true` for a flag without a value. */
  readonly set: (given: unknown) => readonly { readonly path: KeyPath; readonly value: unknown }[]
}

/** A flag that sets one key to what was given. */
export function setsKey(...path: readonly string[]): FlagSpec['set'] {
  return (given) => [{ path, value: given }]
}

export function addFlags(command: Command, specs: readonly FlagSpec[]): void {
  for (const { flag, help, repeat } of specs) {
    if (repeat) {
      command.option(flag, help, (value: string, before: string[] | undefined) => [
        ...(before ?? []),
        value
      ])
    } else {
      command.option(flag, help)
    }
  }
}

/** What was given on the command line, as values of the configuration. */
export function flagValues(command: Command, specs: readonly FlagSpec[]): FlagValue[] {
  return specs.flatMap(({ flag, set }) => {
    const long = flag.split(' ')[0] ?? flag
    const option = command.options.find((one) => one.long === long)
    const given: unknown = option && command.getOptionValue(option.attributeName())
    return given === undefined ? [] : set(given).map((value) => ({ ...value, flag: long }))
  })
}
