/** ISO 8601 to the second; `-` when there is none. */
export function timeText(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return '-'
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
