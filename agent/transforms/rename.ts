import { z } from 'zod'
import { Counts } from './counts.ts'
import type { Fields } from '../formats/fields.ts'
import { deleteField, getField, putField } from './field-path.ts'
import type { Row } from './row.ts'
import type { Transform, TransformStats, TransformType } from './transform.ts'

const path = z.string().min(1).max(256)
const paths = () => z.array(path).max(1000)

const renameField = z
  .strictObject({
    fields: z.record(path, path).prefault({}).describe('New names of fields, by the old ones.'),
    drop: paths().prefault([]).describe('Fields that are taken out.'),
    keep: paths().optional().describe('The only fields that stay, by the names they have then.')
  })
  .refine(({ fields, drop, keep }) => {
    return Object.keys(fields).length + drop.length > 0 || keep !== undefined
  }, 'must say what to do: "fields", "drop" or "keep"')

type RenameOptions = z.output<typeof renameField>

/** Drops first, then renames, in the order of the list, then keeps. */
class Rename implements Transform {
  readonly #options: RenameOptions
  readonly #counts = new Counts()

  constructor(options: RenameOptions) {
    this.#options = options
  }

  apply(rows: readonly Row[]): readonly Row[] {
    for (const row of rows) {
      const { fields } = row
      if (!fields) {
        this.#counts.noted('unparsed')
        continue
      }
      const left = this.#changed(fields)
      if (left) row.setFields(left)
    }
    return rows
  }

  stats(): TransformStats {
    return this.#counts.stats()
  }

  /** Undefined when there was nothing to be done. */
  #changed(fields: Fields): Fields | undefined {
    const { fields: names, drop, keep } = this.#options
    let isChanged = false
    for (const one of drop) isChanged = deleteField(fields, one) || isChanged
    for (const [from, to] of Object.entries(names)) {
      const value = getField(fields, from)
      if (value === undefined) continue
      deleteField(fields, from)
      putField(fields, to, value)
      isChanged = true
    }
    if (!keep) return isChanged ? fields : undefined
    const kept: Fields = {}
    for (const one of keep) {
      const value = getField(fields, one)
      if (value !== undefined) putField(kept, one, value)
    }
    return kept
  }
}

export const rename: TransformType<RenameOptions> = {
  key: 'rename',
  summary: 'Renames fields, takes some out, or keeps only some.',
  options: renameField,
  needsFields: () => true,
  create: (options) => new Rename(options)
}
