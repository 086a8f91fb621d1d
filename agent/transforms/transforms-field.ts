import { z } from 'zod'
import type { TransformType } from './transform.ts'

/** One entry of `transforms:`. */
export interface TransformEntry {
  /** `key` of its transform type. */
  readonly key: string
  /** As its transform type understands them. */
  readonly options: unknown
}

type Written = Readonly<Record<string, unknown>>

/**
 * `transforms: [{ parse: json }, { filter: 'level != "debug"' }]`: each entry has the one key that
 * names its type. A transform that reads fields needs one before it that parses.
 */
export function transformsField(types: readonly TransformType[]) {
  const shape = Object.fromEntries(
    types.map((type) => [type.key, type.options.optional().describe(type.summary)])
  )
  const entry = z.strictObject(shape).superRefine((written, context) => {
    if (keysOf(written).length === 1) return
    const keys = types.map((type) => type.key).join(', ')
    const message = `a transform must have exactly one of the keys ${keys}`
    context.addIssue({ code: 'custom', message })
  })
  return z.array(entry).superRefine((list, context) => {
    // What did not pass its own type cannot be asked.
    if (context.issues.length > 0) return
    let hasFields = false
    for (const [index, written] of list.entries()) {
      const type = types.find(({ key }) => written[key] !== undefined)
      if (!type) continue
      if (type.needsFields?.(written[type.key]) && !hasFields) {
        const message = 'reads fields of the records, so a transform before it must parse them'
        context.addIssue({ code: 'custom', path: [index, type.key], message })
      }
      hasFields ||= type.givesFields === true
    }
  })
}

export function entriesOf(list: readonly Written[]): TransformEntry[] {
  return list.flatMap((written) => keysOf(written).map((key) => ({ key, options: written[key] })))
}

function keysOf(written: Written): string[] {
  return Object.keys(written).filter((key) => written[key] !== undefined)
}
