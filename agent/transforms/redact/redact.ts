import { z } from 'zod'
import { TimeLimit } from '../../patterns/time-limit.ts'
import type { Fields } from '../../formats/fields.ts'
import { Counts } from '../counts.ts'
import { getField, putField } from '../field-path.ts'
import { patternField } from '../pattern-field.ts'
import type { Row } from '../row.ts'
import { scalarText } from '../scalar-text.ts'
import type { Transform, TransformStats, TransformType } from '../transform.ts'
import { detectorNames } from './detectors.ts'
import { Redactor } from './redactor.ts'

const names = z.array(z.enum(detectorNames))

const redactField = z.union([
  names.min(1),
  z.strictObject({
    detect: names.prefault([]).describe('Kinds of things that are found by their form.'),
    patterns: z
      .array(patternField())
      .max(100)
      .prefault([])
      .describe('More of them, as regular expressions; what matches is taken out.'),
    fields: z
      .array(z.string().min(1))
      .max(1000)
      .prefault([])
      .describe('Fields whose whole value is taken out; the records must be parsed.'),
    replacement: z
      .string()
      .max(100)
      .optional()
      .describe('What is put in the place; default: the kind, as in `[email]`.'),
    hashKey: z
      .codec(
        z.string().meta({ title: 'key' }),
        z.string().min(16, 'must have at least 16 characters'),
        {
          decode: (text) => text.trim(),
          encode: () => '***'
        }
      )
      .optional()
      .describe('A secret: the kind is followed by a hash under it, so equal things stay equal.')
  })
])

type RedactOptions = Exclude<z.output<typeof redactField>, readonly unknown[]>

function detailsOf(written: z.output<typeof redactField>): RedactOptions {
  return Array.isArray(written) ? { detect: written, patterns: [], fields: [] } : written
}

class Redact implements Transform {
  readonly #redactor: Redactor
  readonly #fields: readonly string[]
  readonly #counts = new Counts()
  /** For the patterns of an operator. */
  readonly #limit: TimeLimit | undefined
  readonly #redactOriginal: (text: string) => string

  constructor(options: RedactOptions) {
    const patterns = options.patterns.map((pattern) => new RegExp(pattern, 'gu'))
    const redactor = new Redactor({ ...options, patterns })
    this.#redactor = redactor
    this.#fields = options.fields
    this.#limit = patterns.length > 0 ? new TimeLimit() : undefined
    this.#redactOriginal = (text) => this.#inTime(text)
  }

  apply(rows: readonly Row[]): readonly Row[] {
    if (!this.#limit) {
      for (const row of rows) this.#redact(row)
      return rows
    }
    const late = this.#limit.each(rows.length, (i) => {
      const row = rows[i]
      if (row) this.#redact(row)
    })
    for (const i of late) this.#takeAll(rows[i])
    return rows
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }

  #redact(row: Row): void {
    const isChanged = row.fields ? this.#redactParsed(row, row.fields) : this.#redactText(row)
    row.redactOriginal(this.#redactOriginal)
    if (isChanged) this.#counts.noted('redacted')
  }

  /** Nobody knows what is in it, so none of it may leave. */
  #takeAll(row: Row | undefined): void {
    row?.setText(this.#redactor.mask('redacted', row.text))
    row?.redactOriginal((text) => this.#redactor.mask('redacted', text))
    this.#counts.noted('slow_pattern')
  }

  /** Of a text that may say what no field did. */
  #inTime(text: string): string {
    let left = ''
    const redact = () => {
      left = this.#redactor.text(text)
    }
    if (!this.#limit) redact()
    else if (this.#limit.each(1, redact).length > 0) {
      this.#counts.noted('slow_pattern')
      return this.#redactor.mask('redacted', text)
    }
    return left
  }

  #redactText(row: Row): boolean {
    const { text } = row
    const left = this.#redactor.text(text)
    if (left === text) return false
    row.setText(left)
    return true
  }

  /**
   * The data may say more than its fields (a member that comes twice), and they more than it (a
   * character that was escaped). Data that is JSON is printed anew, other data stays what it was.
   */
  #redactParsed(row: Row, fields: Fields): boolean {
    const named = this.#withoutNamed(fields)
    const left = this.#redactor.fields(named ?? fields) ?? named
    const textIsJson = row.isPrinted || /^\s*\{/.test(row.text)
    if (left && (named || textIsJson)) {
      row.setFields(left)
      return true
    }
    if (row.isPrinted) return false
    const isChanged = this.#redactText(row)
    if (isChanged) row.parsed(left ?? fields)
    else if (left) row.setFields(left)
    return isChanged || left !== undefined
  }

  /** Without the values of the fields that the operator named; undefined when there are none. */
  #withoutNamed(fields: Fields): Fields | undefined {
    const found = this.#fields.filter((path) => getField(fields, path) !== undefined)
    if (found.length === 0) return undefined
    const copy = structuredClone(fields)
    for (const path of found) {
      const value = getField(fields, path)
      putField(copy, path, this.#redactor.mask('redacted', scalarText(value) ?? ''))
    }
    return copy
  }
}

export const redact: TransformType<z.output<typeof redactField>> = {
  key: 'redact',
  summary: 'Takes out of the data what must not leave this machine.',
  options: redactField,
  needsFields: (written) => detailsOf(written).fields.length > 0,
  create: (written) => new Redact(detailsOf(written))
}
