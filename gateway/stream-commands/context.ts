import type { Readable, Writable } from 'node:stream'
import type { Command } from 'commander'
import type { Clock } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'

/** The world of a command. */
export interface StreamContext {
  readonly env: Readonly<Record<string, string | undefined>>
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
