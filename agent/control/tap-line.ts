import { printable } from '../../shared/printable.ts'
import type { TapSide } from './taps.ts'

/** A line of `TapStream`. */
interface TappedRecord {
  readonly source: string
  readonly side: TapSide
  readonly stream: string
  readonly partitionKey: string
  readonly time: number
  readonly attributes?: Readonly<Record<string, string>>
  readonly bytes: number
  readonly text?: string
  readonly data?: string
  readonly cut?: true
}

export interface TapLineOptions {
  readonly format: 'ndjson' | 'text'
  /** A partition key that needs no mention. */
  readonly device: string
}

/**
 * One line for a person: time, source, where a record was seen, its data, and what else it has.
 *
 *     12:00:00.123 app < {"level":"info"}
 *     12:00:00.123 app > {"level":"info"}  key=kitchen parse=failed
 */
export function tapLine(
  line: string,
  { format, device }: TapLineOptions
): { readonly text: string; readonly isRecord: boolean } {
  const told: TappedRecord | { readonly dropped: number } = JSON.parse(line)
  if ('dropped' in told) {
    const text = `(${told.dropped} records passed that are not shown: too fast to look at)`
    return { text: format === 'ndjson' ? line : text, isRecord: false }
  }
  return { text: format === 'ndjson' ? line : textOf(told, device), isRecord: true }
}

function textOf(record: TappedRecord, device: string): string {
  const { source, side, partitionKey, time, attributes = {}, bytes, text, data, cut } = record
  const at = new Date(time).toISOString().slice(11, 23)
  const mark = side === 'before' ? '<' : '>'
  const shown = text === undefined ? `base64 ${data}` : printable(text)
  const rest = cut ? `… (${bytes} bytes)` : ''
  const key = partitionKey === device ? {} : { key: partitionKey }
  const facts = Object.entries({ ...key, ...attributes }).map(
    ([name, value]) => `${name}=${printable(value)}`
  )
  return [`${at} ${source} ${mark} ${shown}${rest}`, ...facts].join('  ')
}
