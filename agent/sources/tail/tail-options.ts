import { z } from 'zod'
import { attempt, byteSize, count, duration } from '../../../shared/config/fields.ts'
import { recordLimits } from '../../../shared/record.ts'

const pattern = z.string().min(1)

const expression = z.codec(z.string().min(1), z.instanceof(RegExp), {
  decode: (text, context) => attempt(context, text, () => new RegExp(text)),
  encode: (value) => value.source
})

export const tailOptions = z.strictObject({
  tail: z
    .union([pattern, z.array(pattern).min(1)])
    .describe('Files to follow: a path, a pattern (`*`, `**`, `?`, `[…]`, `{a,b}`) or several.'),
  exclude: z
    .array(pattern)
    .prefault(['*.gz', '*.xz', '*.zst', '*.bz2', '*.zip'])
    .describe('Patterns of files to leave out; without a slash they are matched against the name.'),
  from: z
    .enum(['auto', 'start', 'end'])
    .prefault('auto')
    .describe(
      'Where a file without a cursor is begun. `auto`: at its end when it is there at the very first run of the source, else at its start. `end`: at its end when it is there when the source starts. With `--once` always at its start, but for `end`.'
    ),
  multiline: z
    .strictObject({
      start: expression.describe(
        'A line in whose first 1024 bytes this expression is found begins a record.'
      ),
      maxLines: count({ min: 1, max: 100_000 }).prefault(500).describe('Most lines of a record.'),
      maxWait: duration({ min: 1 })
        .prefault('5s')
        .describe('A record is complete when the file did not grow for so long.')
    })
    .optional()
    .describe('Makes one record of several lines, such as a stack trace.'),
  maxLine: byteSize({ min: 64, max: recordLimits.recordBytes - 64 * 1024 })
    .prefault('960 KiB')
    .describe('A longer line is cut to this and marked with the attribute `truncated`.'),
  poll: duration({ min: 10 })
    .prefault('250ms')
    .describe('How often the open files are looked at for new lines.'),
  scan: duration({ min: 10 })
    .prefault('2s')
    .describe('How often new and rotated files are looked for.'),
  maxFiles: count({ min: 1, max: 100_000 })
    .prefault(4096)
    .describe('Most files that are followed; 64 of them are open at once.')
})

/** Durations in milliseconds, sizes in bytes. */
export type TailOptions = z.output<typeof tailOptions>
