/**
 * Rows in aligned columns, the first row being the head; numbers stand on the right. Without a line
 * end behind the last.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  }
  const isNumber = widths.map((_, i) => rows.slice(1).every((row) => /^\d/.test(row[i] ?? '')))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => {
      const width = widths[i] ?? 0
      return isNumber[i] ? cell.padStart(width) : cell.padEnd(width)
    })
  return rows.map((row) => line(row).join('  ').trimEnd()).join('\n')
}
