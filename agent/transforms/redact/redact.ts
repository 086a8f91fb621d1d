import { z } from 'zod'
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
  readonly #redactOriginal: (text: string) => string

  constructor(options: RedactOptions) {
    const patterns = options.patterns.map((pattern) => new RegExp(pattern, 'gu'))
    const redactor = new Redactor({ ...options, patterns })
    this.#redactor = redactor
    this.#fields = options.fields
    this.#redactOriginal = (text) => redactor.text(text)
  }

  apply(rows: readonly Row[]): readonly Row[] {
    for (const row of rows) {
      const isChanged = row.fields ? this.#redactParsed(row, row.fields) : this.#redactText(row)
      if (isChanged) this.#counts.noted('redacted')
      row.redactOriginal(this.#redactOriginal)
    }
    return rows
  }

  stats(): TransformStats {
    return this.#counts.stats()
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
