import { join } from 'node:path'

/** Longest path of a unix socket: `sun_path` has 108 bytes with its end (unix(7)). */
const maxPathBytes = 107

/** Where an agent with this data directory is spoken to. */
export function controlSocket(dataDir: string): string {
  return join(dataDir, 'agent.sock')
}

/** Longer ones would be cut to the name of another file. */
export function fitsSocket(path: string): boolean {
  return Buffer.byteLength(path) <= maxPathBytes
}
