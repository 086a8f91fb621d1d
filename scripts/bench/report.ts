/** One line of the table: a figure of ours beside something measured in the same run. */
export interface Line {
  readonly what: string
  readonly ours: string
  /** What it stands beside: a peer, the machine's limit. */
  readonly beside: string
  readonly ratio: string
}

export function formatTable(lines: readonly Line[]): string {
  const rows = [{ what: 'what', ours: 'ours', beside: 'beside', ratio: 'ratio' }, ...lines]
  const width = (column: keyof Line) => Math.max(...rows.map((row) => row[column].length))
  const widths = { what: width('what'), ours: width('ours'), beside: width('beside') }
  return rows
    .map((row) =>
      [
        row.what.padEnd(widths.what),
        row.ours.padStart(widths.ours),
        row.beside.padStart(widths.beside),
        row.ratio
      ].join('  ')
    )
    .join('\n')
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

export function ratio(ours: number, other: number): string {
  return (ours / other).toFixed(2)
}

export function skipped(what: string, reason: string): Line {
  return { what, ours: 'skipped', beside: reason, ratio: '' }
}
