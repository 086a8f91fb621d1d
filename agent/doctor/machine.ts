import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import type { Ask } from '../clock/evidence.ts'

/** What the checks look at. */
export interface Machine {
  /** Where `proc`, `sys`, `run` and `etc` are; `/` but in tests. */
  readonly root: string
  readonly clock: Clock
  readonly ask: Ask
}

/** A file below the root; empty where it cannot be read. */
export function textBelow({ root }: Machine, path: string): Promise<string> {
  return readFile(join(root, path), 'utf8').catch(() => '')
}
