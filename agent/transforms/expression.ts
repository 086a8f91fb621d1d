import { Environment, ParseError, TypeError } from '@marcbachmann/cel-js'
import { z } from 'zod'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { Row } from './row.ts'

/** What every record has; any other name is a field. */
const facts = {
  data: 'string',
  key: 'string',
  time: 'google.protobuf.Timestamp',
  attributes: 'map'
} as const

const withFields = environment(true)
const withoutFields = environment(false)

export type ExpressionType = 'bool' | 'text'

/** An expression in CEL over one record. */
export interface Expression {
  /** Whether it reads fields. */
  readonly needsFields: boolean
  /** Undefined when it has no value for this record: a field is missing or of another type. */
  evaluate(row: Row): unknown
}

/** Throws `config` naming the position when `text` is no expression, or not of this type. */
export function compile(text: string, type: ExpressionType): Expression {
  const run = parse(text)
  const checked = run.check()
  if (!checked.valid) throw refusal(text, checked.error)
  if (type === 'bool' && checked.type !== 'bool' && checked.type !== 'dyn') {
    throw new HeadwaterError('config', `must be true or false for a record, not ${checked.type}`)
  }
  const variables = new Variables()
  const needsFields = !withoutFields.check(text).valid
  const evaluate = (row: Row) => {
    variables.row = row
    try {
      const value: unknown = run(variables)
      return type === 'bool' && typeof value !== 'boolean' ? undefined : value
    } catch {
      return undefined
    }
  }
  return { needsFields, evaluate }
}

/** An expression in the configuration, checked when it is loaded. */
export function expressionField(type: ExpressionType) {
  return z
    .string()
    .min(1)
    .superRefine((text, context) => {
      try {
        compile(text, type)
      } catch (error) {
        context.addIssue({ code: 'custom', message: asHeadwaterError(error).message })
      }
    })
    .meta({ title: 'expression' })
}

/** What an expression sees of a record; one object for all records, looked at and not kept. */
class Variables extends Map<string, unknown> {
  row: Row | undefined

  override get(name: string): unknown {
    const row = this.row
    switch (name) {
      case 'data':
        return row?.text
      case 'key':
        return row?.partitionKey
      case 'time':
        return new Date(row?.time ?? Number.NaN)
      case 'attributes':
        return row?.attributes ?? {}
      case 'fields':
        return row?.fields
      default: {
        const fields = row?.fields
        return fields && Object.hasOwn(fields, name) ? fields[name] : undefined
      }
    }
  }
}

function environment(hasFields: boolean): Environment {
  const made = new Environment({
    unlistedVariablesAreDyn: hasFields,
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false
  })
  for (const [name, type] of Object.entries(facts)) made.registerVariable(name, type)
  return hasFields ? made.registerVariable('fields', 'map') : made
}

function parse(text: string) {
  try {
    return withFields.parse(text)
  } catch (error) {
    throw refusal(text, error)
  }
}

function refusal(text: string, error: unknown): HeadwaterError {
  const known = error instanceof ParseError || error instanceof TypeError ? error : undefined
  const summary = known?.summary ?? asHeadwaterError(error).message
  const at = known?.range === undefined ? '' : ` at character ${known.range.start + 1}`
  const message = `is not an expression${at}: ${summary} in ${JSON.stringify(text)}`
  return new HeadwaterError('config', message, { cause: error })
}
