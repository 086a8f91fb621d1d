import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { HeadwaterError } from '../../shared/errors.ts'
import { replaceFile } from '../../shared/replace-file.ts'
import type { UsageState } from './usage.ts'

const version = 1

const bytes = z.int().min(0)
const period = z.strictObject({ period: z.string(), bytes })
const savedUsage = z.strictObject({
  v: z.literal(version),
  /** The latest time that was known. */
  latestMs: z.number(),
  usage: z.strictObject({ day: period, month: period, monthFromDays: z.number() })
})

/** What survives a restart. */
export interface SavedUsage {
  readonly latestMs: number
  readonly usage: UsageState
}

/**
 * Undefined when there is no file. Rejects with `store_too_new` for one of a newer program, with
 * `store_corrupt` for one that cannot be read.
 */
export async function readUsage(path: string): Promise<SavedUsage | undefined> {
  let written: unknown
  try {
    written = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(path, cause)
  }
  const { v } = z.looseObject({ v: z.number() }).catch({ v: 0 }).parse(written)
  if (v > version) {
    const message = `${path} has version ${v}, this program reads ${version}; run a newer one`
    throw new HeadwaterError('store_too_new', message)
  }
  const { success, data, error } = savedUsage.safeParse(written)
  if (!success) throw unreadable(path, error)
  return { latestMs: data.latestMs, usage: data.usage }
}

/** Resolves when it is on disk; the old file stays until then. */
export async function writeUsage(path: string, saved: SavedUsage): Promise<void> {
  await replaceFile(path, `${JSON.stringify({ v: version, ...saved })}\n`)
}

function unreadable(path: string, cause: unknown): HeadwaterError {
  const message = `${path} cannot be read; remove it to count the data budget from nothing`
  return new HeadwaterError('store_corrupt', message, { cause })
}
