import { spawnSync } from 'node:child_process'

/** Why a test cannot run: the first of `commands` that does not succeed here; false when all do. */
export function missing(commands: Readonly<Record<string, readonly string[]>>): string | false {
  const absent = Object.entries(commands).find(([, [program = '', ...args]]) => {
    return spawnSync(program, args, { stdio: 'ignore', timeout: 30_000 }).status !== 0
  })
  return absent ? `skipped: ${absent[0]} is not installed` : false
}
