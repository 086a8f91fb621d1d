import type { Clock } from '../../../shared/clock.ts'
import { TimeLimit } from '../../patterns/time-limit.ts'
import type { z } from 'zod'
import { readTime } from '../../formats/event-time.ts'
import { type Fields, setField } from '../../formats/fields.ts'
import { Counts } from '../counts.ts'
import { getField, putField } from '../field-path.ts'
import type { Row } from '../row.ts'
import type { Transform, TransformStats, TransformType } from '../transform.ts'
import { detailsOf, parseField, type ParseOptions } from './parse-options.ts'
import { type Parsed, type Parser, parserOf } from './parsers.ts'

class Parse implements Transform {
  readonly #options: ParseOptions
  readonly #clock: Clock
  readonly #parser: Parser
  /** For the pattern of an operator. */
  readonly #limit: TimeLimit | undefined
  readonly #counts = new Counts()

  constructor(options: ParseOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
    this.#parser = parserOf(options)
    this.#limit = options.format === 'regex' ? new TimeLimit() : undefined
  }

  apply(rows: readonly Row[]): readonly Row[] {
    const found = this.#parseAll(rows)
    return rows.filter((row, i) => this.#take(row, found[i]))
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }

  #parseAll(rows: readonly Row[]): readonly ReturnType<Parser>[] {
    const nowMs = this.#clock.wallMs()
    const parse = (row: Row) => {
      const text = this.#textOf(row)
      return text === undefined ? undefined : this.#parser(text, nowMs)
    }
    if (!this.#limit) return rows.map(parse)
    const found = new Array<ReturnType<Parser>>(rows.length).fill(undefined)
    const late = this.#limit.each(rows.length, (i) => {
      const row = rows[i]
      if (row) found[i] = parse(row)
    })
    this.#counts.noted('slow_pattern', late.length)
    return found
  }

  /** Whether the record goes on. */
  #take(row: Row, found: ReturnType<Parser>): boolean {
    if (found === 'header') {
      this.#counts.dropped('header')
      return false
    }
    if (found) {
      this.#put(row, found)
    } else {
      this.#counts.noted('unparsed')
      row.mark({ unparsed: 'true' })
    }
    return true
  }

  #textOf(row: Row): string | undefined {
    const { field } = this.#options
    if (field === undefined) return row.text
    const value = row.fields && getField(row.fields, field)
    return typeof value === 'string' ? value : undefined
  }

  #put(row: Row, parsed: Parsed): void {
    const { format, field, numbers, keep, raw } = this.#options
    const text = this.#textOf(row)
    const fields = field === undefined ? parsed.fields : { ...row.fields, ...parsed.fields }
    const hasNumbers = makeNumbers(fields, numbers)
    if (raw !== undefined) setField(fields, raw, text)
    // JSON that was only read is not printed anew.
    const isSame = format === 'json' && field === undefined && raw === undefined && !hasNumbers
    if (keep === 'data' || isSame) row.parsed(fields)
    else row.setFields(fields)
    this.#setTime(row, parsed)
  }

  #setTime(row: Row, { timeMs }: Parsed): void {
    const { time, timeFormat, timeZone } = this.#options
    if (time === undefined) {
      row.time = timeMs ?? row.time
      return
    }
    const value = row.fields && getField(row.fields, time)
    const read = readTime(value, timeFormat, timeZone)
    if (read === undefined) {
      this.#counts.noted('unread_time')
      row.mark({ timeUnread: 'true' })
    } else {
      row.time = read
    }
  }
}

/** Whether any became one. A text that a number cannot hold exactly stays text. */
function makeNumbers(fields: Fields, paths: readonly string[]): boolean {
  let changed = false
  for (const path of paths) {
    const value = getField(fields, path)
    if (typeof value !== 'string' || !/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) continue
    const number = Number(value)
    if (Math.abs(number) > Number.MAX_SAFE_INTEGER) continue
    putField(fields, path, number)
    changed = true
  }
  return changed
}

export const parse: TransformType<z.output<typeof parseField>> = {
  key: 'parse',
  summary: 'Takes the data of each record apart into fields.',
  options: parseField,
  givesFields: true,
  givesTimes: (written) => {
    const { time, format } = detailsOf(written)
    return time !== undefined || format === 'syslog' || format === 'access-log'
  },
  needsFields: (written) => detailsOf(written).field !== undefined,
  create: (written, { clock }) => new Parse(detailsOf(written), clock)
}
