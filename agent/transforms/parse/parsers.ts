import { parseAccessLog } from '../../formats/access-log.ts'
import { parseCsvLine } from '../../formats/csv.ts'
import { readTime } from '../../formats/event-time.ts'
import { type Fields, setField } from '../../formats/fields.ts'
import { parseJsonObject } from '../../formats/json-object.ts'
import { parseLogfmt } from '../../formats/logfmt.ts'
import { parseSyslog } from '../../formats/syslog.ts'
import type { ParseFormat, ParseOptions } from './parse-options.ts'

export interface Parsed {
  readonly fields: Fields
  /** When the text says it by its form. Milliseconds since 1970. */
  readonly timeMs?: number | undefined
}

/** What a text says: undefined when it is not of the format; `header` for names of columns alone. */
export type Parser = (text: string, nowMs: number) => Parsed | 'header' | undefined

/** The longest text that is shown to a pattern, which bounds the work of a bad one. Characters. */
const maxPatternChars = 16 * 1024

/** The longest that is taken for a line of a known format. Characters. */
const maxLineChars = 256 * 1024

const makers: Readonly<Record<ParseFormat, (options: ParseOptions) => Parser>> = {
  json: () => (text) => wrapped(parseJsonObject(text)),
  logfmt: () => bounded(maxLineChars, (text) => wrapped(parseLogfmt(text))),
  csv: ({ columns = [], separator }) => bounded(maxLineChars, csvParser(columns, separator)),
  regex: ({ pattern = '' }) => bounded(maxPatternChars, patternParser(new RegExp(pattern, 'u'))),
  'access-log': () => bounded(maxLineChars, accessLog),
  syslog: () => bounded(maxLineChars, syslog)
}

export function parserOf(options: ParseOptions): Parser {
  return makers[options.format](options)
}

function bounded(maxChars: number, parser: Parser): Parser {
  return (text, nowMs) => (text.length > maxChars ? undefined : parser(text, nowMs))
}

function wrapped(fields: Fields | undefined): Parsed | undefined {
  return fields && { fields }
}

function csvParser(columns: readonly string[], separator: string): Parser {
  return (text) => {
    const values = parseCsvLine(text, separator)
    if (values?.length !== columns.length) return undefined
    if (values.every((value, i) => value === columns[i])) return 'header'
    const fields: Fields = {}
    for (const [i, column] of columns.entries()) setField(fields, column, values[i])
    return { fields }
  }
}

function patternParser(pattern: RegExp): Parser {
  return (text) => {
    const match = pattern.exec(text)
    if (!match) return undefined
    const fields: Fields = {}
    for (const [name, value] of Object.entries(match.groups ?? {})) {
      if (value !== undefined) setField(fields, name, value)
    }
    return { fields }
  }
}

function accessLog(text: string): Parsed | undefined {
  const fields = parseAccessLog(text)
  return fields && { fields, timeMs: readTime(fields['time'], 'clf') }
}

function syslog(text: string, nowMs: number): Parsed | undefined {
  const message = parseSyslog(text, nowMs)
  if (!message) return undefined
  const { timeMs, ...fields } = message
  return { fields, timeMs }
}
