import { z } from 'zod'
import { transformLoaders } from './index.ts'
import type { TransformType } from './transform.ts'

/** One entry of `transforms:`. */
export interface TransformEntry {
  readonly type: TransformType
  /** As its type understands them. */
  readonly options: unknown
}

type Written = Readonly<Record<string, unknown>>

/**
 * `transforms: [{ parse: json }, { filter: 'level != "debug"' }]`: each entry has the one key that
 * names its type. A transform that reads fields needs one before it that parses.
 */
export function transformsField(types: ReadonlyMap<string, TransformType>) {
  const keys = Object.keys(transformLoaders)
  const shape = Object.fromEntries(keys.map((key) => [key, fieldOf(types.get(key))]))
  const entry = z.strictObject(shape).superRefine((written, context) => {
    if (keysOf(written).length === 1) return
    const message = `a transform must have exactly one of the keys ${keys.join(', ')}`
    context.addIssue({ code: 'custom', message })
  })
  return z.array(entry).superRefine((list, context) => {
    // What did not pass its own type cannot be asked.
    if (context.issues.length > 0) return
    let hasFields = false
    for (const [index, written] of list.entries()) {
      const [key = ''] = keysOf(written)
      const type = types.get(key)
      if (!type) continue
      if (type.needsFields?.(written[key]) && !hasFields) {
        const message = 'reads fields of the records, so a transform before it must parse them'
        context.addIssue({ code: 'custom', path: [index, key], message })
      }
      hasFields ||= type.givesFields === true
    }
  })
}

/** What is not loaded is not written either: its name alone counts, for messages. */
function fieldOf(type: TransformType | undefined): z.ZodType {
  return type ? type.options.optional().describe(type.summary) : z.never().optional()
}

/** The entries of a list that `transformsField` passed, each with its type. */
export function entriesOf(list: readonly Written[]): Promise<TransformEntry[]> {
  return Promise.all(
    list.flatMap((written) =>
      keysOf(written).map(async (key) => {
        const type = await transformLoaders[key]?.()
        if (!type) throw new TypeError(`the configuration lets no transform ${key} through`)
        return { type, options: written[key] }
      })
    )
  )
}

function keysOf(written: Written): string[] {
  return Object.keys(written).filter((key) => written[key] !== undefined)
}
