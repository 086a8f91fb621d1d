import { z } from 'zod'
import { attempt, count, duration } from '../../../shared/config/fields.ts'

const expression = z.codec(z.string().min(1), z.instanceof(RegExp), {
  decode: (text, context) => attempt(context, text, () => new RegExp(text)),
  encode: (value) => value.source
})

/** The option by which a source of lines makes records of several; a duration is milliseconds. */
export const multilineOption = z
  .strictObject({
    start: expression.describe(
      'A line in whose first 1024 bytes this expression is found begins a record.'
    ),
    maxLines: count({ min: 1, max: 100_000 }).prefault(500).describe('Most lines of a record.'),
    maxWait: duration({ min: 1 })
      .prefault('5s')
      .describe('A record is complete when nothing came for so long.')
  })
  .optional()
  .describe('Makes one record of several lines, such as a stack trace.')

export type MultilineOption = z.output<typeof multilineOption>
