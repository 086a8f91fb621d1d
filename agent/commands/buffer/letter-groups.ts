import { countOf } from '../../buffer/dead-letters.ts'
import type { SqliteBuffer } from '../../buffer/sqlite-buffer.ts'
import { type LetterFilter, lettersOf } from '../../carry/replay-letters.ts'
import { printable } from '../../../shared/printable.ts'
import { formatTable } from '../../../shared/format-table.ts'
import { bytesText } from '../../../shared/quantities.ts'
import { timeText } from './time-text.ts'

/** Dead letters of one stream that were refused with one code. */
export interface LetterGroup {
  readonly stream: string
  readonly code: string
  readonly letters: number
  readonly records: number
  readonly bytes: number
  readonly newestMs: number
  /** Of the newest. */
  readonly reason: string
}

export async function letterGroups(
  store: Pick<SqliteBuffer, 'deadLetters'>,
  filter: LetterFilter
): Promise<LetterGroup[]> {
  const groups = new Map<string, LetterGroup>()
  for await (const { letter } of lettersOf(store, filter)) {
    const { stream, code, seqs, body, parkedMs, reason } = letter
    const known = groups.get(`${stream}/${code}`)
    groups.set(`${stream}/${code}`, {
      stream,
      code,
      letters: (known?.letters ?? 0) + 1,
      records: (known?.records ?? 0) + countOf(seqs),
      bytes: (known?.bytes ?? 0) + body.length,
      newestMs: parkedMs,
      reason
    })
  }
  return [...groups.values()]
}

export function letterTable(groups: readonly LetterGroup[]): string {
  const rows = groups.map((one) => [
    one.stream,
    one.code,
    String(one.letters),
    String(one.records),
    bytesText(one.bytes),
    timeText(one.newestMs),
    printable(one.reason)
  ])
  return formatTable([
    ['stream', 'code', 'letters', 'records', 'size', 'newest', 'reason'],
    ...rows
  ])
}
