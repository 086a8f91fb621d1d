import { z } from 'zod'
import { parseCsvLine } from '../../formats/csv.ts'
import { type Fields, isFields, setField } from '../../formats/fields.ts'
import { scalarText } from '../scalar-text.ts'

/** What is known of each value: fields by the value itself. */
export type LookupTable = ReadonlyMap<string, Fields>

const mostChars = 8 * 1024 * 1024

/**
 * The text of a table: JSON, `{ "<value>": { … }, … }`, or CSV with a line of names, the value
 * standing in the first column.
 */
export function tableField() {
  return z
    .string()
    .max(mostChars)
    .refine((text) => readTable(text) !== undefined, {
      error: 'must be CSV with a line of names, or JSON: a map of maps, by value'
    })
    .meta({ title: 'table' })
}

/** Undefined when the text is no table. */
export function readTable(text: string): LookupTable | undefined {
  return text.trimStart().startsWith('{') ? jsonTable(text) : csvTable(text)
}

function jsonTable(text: string): LookupTable | undefined {
  const table = new Map<string, Fields>()
  let rows: unknown
  try {
    rows = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isFields(rows)) return undefined
  for (const [value, fields] of Object.entries(rows)) {
    if (!isFields(fields)) return undefined
    table.set(value, fields)
  }
  return table
}

function csvTable(text: string): LookupTable | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line !== '')
  const [names, ...rows] = lines.map((line) => parseCsvLine(line))
  if (!names || names.length < 2) return undefined
  const table = new Map<string, Fields>()
  for (const row of rows) {
    if (row?.length !== names.length) return undefined
    const fields: Fields = {}
    for (const [i, name] of names.entries()) {
      if (i > 0) setField(fields, name, row[i])
    }
    table.set(row[0] ?? '', fields)
  }
  return table
}

/** What is known of a value; numbers are looked up as they are written. */
export function lookUp(table: LookupTable, value: unknown): Fields | undefined {
  const text = scalarText(value)
  return text === undefined ? undefined : table.get(text)
}
