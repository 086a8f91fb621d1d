import { z } from 'zod'
import { timeFormats } from '../../formats/event-time.ts'
import { patternField } from '../pattern-field.ts'

export const parseFormats = ['json', 'logfmt', 'csv', 'regex', 'access-log', 'syslog'] as const

export type ParseFormat = (typeof parseFormats)[number]

const name = z.string().min(1).max(256)

const details = z
  .strictObject({
    format: z.enum(parseFormats).describe('What the data is written in.'),
    field: name
      .optional()
      .describe(
        'Field whose text is parsed, what it holds being added to the record; else the data.'
      ),
    columns: z
      .array(name)
      .min(1)
      .max(1000)
      .optional()
      .describe(
        'csv: the names of the values. A line of these names itself is dropped as a header.'
      ),
    separator: z.string().length(1).prefault(',').describe('csv: what stands between the values.'),
    pattern: patternField()
      .refine((text) => text.includes('(?<'), 'must name its groups, as in (?<level>\\w+)')
      .optional()
      .describe('regex: the expression; each named group that matches is a field.'),
    numbers: z
      .array(name)
      .max(1000)
      .prefault([])
      .describe('Fields whose text is a number and becomes one.'),
    time: name
      .optional()
      .describe('Field that holds the time of the record; syslog and access-log know theirs.'),
    timeFormat: z.enum(timeFormats).prefault('auto').describe('How that time is written.'),
    timeZone: z
      .enum(['utc', 'local'])
      .prefault('utc')
      .describe('The zone of a time that names none.'),
    keep: z
      .enum(['fields', 'data'])
      .prefault('fields')
      .describe(
        'fields: the record becomes the JSON of its fields. data: it stays as it is, and the fields are only for the transforms that follow.'
      ),
    raw: name.optional().describe('Field that is given the text as it was.')
  })
  .superRefine(({ format, columns, pattern }, context) => {
    const refuse = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message })
    if (format === 'csv' && !columns) refuse('columns', 'is missing; csv needs the names')
    if (format === 'regex' && pattern === undefined) refuse('pattern', 'is missing; regex needs it')
  })

export type ParseOptions = z.output<typeof details>

/** `parse: json`, or a map where there is more to say. */
export const parseField = z.union([
  z.enum(parseFormats).refine((format) => format !== 'csv' && format !== 'regex', {
    error: 'must be a map with its format: csv needs "columns", regex needs "pattern"'
  }),
  details
])

export function detailsOf(written: z.output<typeof parseField>): ParseOptions {
  return typeof written === 'string' ? details.parse({ format: written }) : written
}
