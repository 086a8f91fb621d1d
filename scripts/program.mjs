// What the scripts share: where the repository is, and how a script ends.
import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Whether the module at `url` is what Node was started with, not an import of another script. */
export function runsAlone(url) {
  const started = process.argv[1]
  return started !== undefined && realpathSync(started) === fileURLToPath(url)
}

/** Ends the process with exit code 1 and a message. */
export function stop(message) {
  console.error(message)
  process.exit(1)
}
