import { HeadwaterError } from './errors.ts'

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000
}

/** `250ms`, `60s`, `1.5h` or `7d` as whole milliseconds. Throws `config` naming the text. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim())
  const ms = Math.round(Number(match?.[1]) * (units[match?.[2] ?? ''] ?? Number.NaN))
  if (!Number.isSafeInteger(ms)) {
    throw new HeadwaterError(
      'config',
      `${JSON.stringify(text)} is not a duration: write a number and ms, s, m, h or d, as in "60s"`
    )
  }
  return ms
}

/** The shortest text that `parseDuration` reads back as the same number. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const factor = units[unit] ?? 1
    if (ms > 0 && ms % factor === 0) return `${ms / factor}${unit}`
  }
  return `${ms}ms`
}
