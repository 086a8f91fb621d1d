import { createHash } from 'node:crypto'
import { compile, expressionField } from './expression.ts'
import type { Row } from './row.ts'
import { scalarText } from './scalar-text.ts'

/** A longer value is told by its hash, so that what is remembered of a series is small. Characters. */
const maxValueChars = 256

/** Names the series that a record belongs to; undefined when the record does not say. */
export type LaneOf = (row: Row) => string | undefined

/** Option of the transforms that compare a reading with those before it. */
export function laneField() {
  return expressionField('text')
    .optional()
    .describe('What besides the partition key makes a series of its own, such as `sensor`.')
}

export function laneOf(by: string | undefined): LaneOf {
  if (by === undefined) return (row) => row.partitionKey
  const expression = compile(by, 'text')
  return (row) => {
    const value = scalarText(expression.evaluate(row))
    return value === undefined ? undefined : `${row.partitionKey}\n${short(value)}`
  }
}

function short(value: string): string {
  if (value.length <= maxValueChars) return value
  return createHash('sha256').update(value).digest('base64')
}
