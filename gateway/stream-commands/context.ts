import { readFile } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import type { Command } from 'commander'
import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { Random } from '../../shared/random.ts'
import { GatewayClient } from './gateway-client.ts'

/** The world of a command. */
export interface StreamContext {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Aborts when the user has had enough. */
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly random: Random
}

/** Adds one command to the program. */
export type AddCommand = (program: Command, context: StreamContext) => void

/** The client that `--gateway` and `--token-file` describe. Rejects with `config`. */
export async function gatewayOf(command: Command): Promise<GatewayClient> {
  const { gateway, tokenFile } = command.optsWithGlobals<{
    gateway: string
    tokenFile?: string
  }>()
  if (!/^https?:$/.test(URL.canParse(gateway) ? new URL(gateway).protocol : '')) {
    throw new HeadwaterError(
      'config',
      `--gateway must be a URL as in http://127.0.0.1:8080, not "${gateway}"`
    )
  }
  return new GatewayClient(
    gateway,
    tokenFile === undefined ? undefined : await readToken(tokenFile)
  )
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw new HeadwaterError('config', `--token-file cannot be read: ${String(cause)}`, { cause })
  }
}

/** `/v1/streams/<stream>` */
export function streamPath(stream: string): string {
  return `/v1/streams/${encodeURIComponent(stream)}`
}

/** Rows in aligned columns, the first row being the head. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .map((line) => `${line}\n`)
    .join('')
}
