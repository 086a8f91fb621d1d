import type { JournaldOptions } from './journald-options.ts'

/** Which entries to print: the last alone, all up to the last, or these and what follows. */
export type Extent = 'last' | 'present' | 'following'

/** Where to begin: at this entry, at this time, or with neither at the oldest. */
export interface Start {
  readonly cursor?: string | undefined
  /** Milliseconds since the epoch. */
  readonly sinceMs?: number | undefined
}

const sourceTime = '_SOURCE_REALTIME_TIMESTAMP'

/** The command that prints entries, one JSON object a line. */
export function journalctl(options: JournaldOptions, extent: Extent, start: Start = {}): string[] {
  const { units, identifiers, severity, matches, directory, fields } = options
  return [
    'journalctl',
    '--no-pager',
    '--output=json',
    // Without it a field over 4096 bytes is printed as null.
    '--all',
    ...(fields === 'all' ? [] : [`--output-fields=${[...fields, sourceTime].join(',')}`]),
    ...(directory === undefined ? [] : [`--directory=${directory}`]),
    ...units.map((unit) => `--unit=${unit}`),
    ...identifiers.map((identifier) => `--identifier=${identifier}`),
    ...(severity === undefined ? [] : [`--priority=${severity}`]),
    ...extentOf(extent, directory !== undefined),
    ...startOf(start),
    '--',
    ...matches
  ]
}

function extentOf(extent: Extent, foreign: boolean): string[] {
  if (extent === 'last') return ['--lines=1']
  if (extent === 'present') return []
  // It shows the current boot alone, of which files from elsewhere have none, unless it merges.
  return ['--follow', '--no-tail', ...(foreign ? ['--merge'] : [])]
}

function startOf({ cursor, sinceMs }: Start): string[] {
  // `--after-cursor` passes over an entry too many when that of the cursor is gone (systemd 252).
  if (cursor !== undefined) return [`--cursor=${cursor}`]
  return sinceMs === undefined ? [] : [`--since=@${(sinceMs / 1000).toFixed(3)}`]
}
