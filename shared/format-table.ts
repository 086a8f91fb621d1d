/** Rows in aligned columns, the first row being the head; without a line end behind the last. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  }
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0))
  return rows.map((row) => line(row).join('  ').trimEnd()).join('\n')
}
