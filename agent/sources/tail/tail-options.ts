import { z } from 'zod'
import { byteSize, count, duration, flag } from '../../../shared/config/fields.ts'
import { recordLimits } from '../../../shared/record.ts'
import { multilineOption } from '../lines/multiline-option.ts'

const pattern = z.string().min(1)

export const tailOptions = z.strictObject({
  tail: z
    .union([pattern, z.array(pattern).min(1)])
    .describe('Files to follow: a path, a pattern (`*`, `**`, `?`, `[…]`, `{a,b}`) or several.'),
  exclude: z
    .array(pattern)
    .prefault(['*.gz', '*.xz', '*.zst', '*.bz2', '*.zip'])
    .describe('Patterns of files to leave out; without a slash they are matched against the name.'),
  archives: flag()
    .prefault(true)
    .describe(
      'Reads what was compressed (`*.gz`) before it had been read; such files must be left out by `exclude`.'
    ),
  from: z
    .enum(['auto', 'start', 'end'])
    .prefault('auto')
    .describe(
      'Where a file without a cursor is begun. `auto`: at its end when it is there at the very first run of the source, else at its start. `end`: at its end when it is there when the source starts. With `--once` always at its start, but for `end`.'
    ),
  multiline: multilineOption,
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
