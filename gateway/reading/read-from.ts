import { parseTime } from '../../shared/parse-time.ts'
import type { ReadFrom } from './stream-reader.ts'

/** `start`, `end`, a time, or a sequence number: 56 digits, where a time in milliseconds has 13. */
export function parseReadFrom(text: string): Exclude<ReadFrom, { readonly checkpoint: string }> {
  if (text === 'start' || text === 'end') return text
  if (/^\d{17,128}$/.test(text)) return { sequence: text }
  return { timeMs: parseTime(text) }
}
