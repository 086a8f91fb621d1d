import { arch, hostname, platform, release } from 'node:os'
import { z } from 'zod'
import { isAttributes } from '../../../shared/record.ts'
import { type Fields, setField } from '../../formats/fields.ts'
import { Counts } from '../counts.ts'
import { getField, putField } from '../field-path.ts'
import type { Row } from '../row.ts'
import type { Transform, TransformStats, TransformType } from '../transform.ts'
import { type LookupTable, lookUp, readTable, tableField } from './lookup-table.ts'

const hostFacts = { hostname, os: platform, arch, kernel: release } as const

const factNames = ['hostname', 'os', 'arch', 'kernel'] as const

const path = z.string().min(1).max(256)

const enrichField = z
  .strictObject({
    attributes: z
      .record(z.string(), z.string())
      .prefault({})
      .refine((attributes) => isAttributes(attributes), 'must be at most 64, of 16 KiB together')
      .describe('Attributes that every record is given.'),
    host: z
      .array(z.enum(factNames))
      .prefault([])
      .describe('What is told of this machine, as attributes.'),
    fields: z
      .record(path, z.union([z.string(), z.number(), z.boolean()]))
      .prefault({})
      .describe('Fields that every parsed record is given.'),
    lookup: z
      .strictObject({
        by: path.describe('Field whose value is looked up.'),
        table: tableField().describe(
          'CSV or JSON, mostly `{ file: path }`; read when it is loaded.'
        )
      })
      .optional()
      .describe('A table whose fields are added to the records whose value it has.')
  })
  .refine(
    ({ attributes, host, fields, lookup }) =>
      lookup !== undefined ||
      Object.keys(attributes).length + host.length + Object.keys(fields).length > 0,
    'must say what to add: "attributes", "host", "fields" or "lookup"'
  )

type EnrichOptions = z.output<typeof enrichField>

class Enrich implements Transform {
  readonly #attributes: Readonly<Record<string, string>>
  readonly #fields: readonly (readonly [string, unknown])[]
  readonly #lookup: { readonly by: string; readonly table: LookupTable } | undefined
  readonly #counts = new Counts()

  constructor({ attributes, host, fields, lookup }: EnrichOptions) {
    const facts = host.map((name) => [name, hostFacts[name]()] as const)
    this.#attributes = { ...Object.fromEntries(facts), ...attributes }
    this.#fields = Object.entries(fields)
    const table = lookup && readTable(lookup.table)
    this.#lookup = lookup && table && { by: lookup.by, table }
  }

  apply(rows: readonly Row[]): readonly Row[] {
    const hasAttributes = Object.keys(this.#attributes).length > 0
    const hasFields = this.#fields.length > 0 || this.#lookup !== undefined
    for (const row of rows) {
      if (hasAttributes && !row.mark(this.#attributes)) this.#counts.noted('too_many_attributes')
      if (hasFields) this.#addFields(row)
    }
    return rows
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }

  #addFields(row: Row): void {
    const { fields } = row
    if (!fields) {
      this.#counts.noted('unparsed')
      return
    }
    const known = this.#known(fields)
    if (this.#fields.length === 0 && !known) return
    for (const [name, value] of this.#fields) putField(fields, name, value)
    for (const [name, value] of Object.entries(known ?? {})) setField(fields, name, owned(value))
    row.setFields(fields)
  }

  #known(fields: Fields): Fields | undefined {
    if (!this.#lookup) return undefined
    const known = lookUp(this.#lookup.table, getField(fields, this.#lookup.by))
    if (!known) this.#counts.noted('not_found')
    return known
  }
}

/** What is changed in one record must not change in the table. */
function owned(value: unknown): unknown {
  return typeof value === 'object' ? structuredClone(value) : value
}

export const enrich: TransformType<EnrichOptions> = {
  key: 'enrich',
  summary: 'Adds to each record what is known besides: constants, the host, a table.',
  options: enrichField,
  needsFields: ({ fields, lookup }) => Object.keys(fields).length > 0 || lookup !== undefined,
  create: (options) => new Enrich(options)
}
