import { z } from 'zod'
import { byteSize, duration, flag, secret } from '../../../shared/config/fields.ts'
import { recordLimits } from '../../../shared/record.ts'
import { multilineOption } from '../lines/multiline-option.ts'

export const execOptions = z.strictObject({
  exec: z
    .union([z.string().min(1), z.array(z.string()).min(1)], {
      error: 'must be a command line, or a list of a program and its arguments'
    })
    .describe(
      'What to run: a list is a program and its arguments, run without a shell; a text is run by `/bin/sh -c`.'
    ),
  every: duration({ min: 100, max: 86_400_000 })
    .optional()
    .describe('Run it at this interval; what it prints is one record.'),
  keep: flag()
    .prefault(false)
    .describe(
      'Keep it running; each line is a record. When it ends it is run again, after a wait.'
    ),
  lines: flag().prefault(false).describe('With `every`: each line is a record of its own.'),
  multiline: multilineOption,
  timeout: duration({ min: 100, max: 86_400_000 })
    .optional()
    .describe('With `every`: a run that takes longer is ended; else as long as `every`.'),
  env: z
    .record(z.string().regex(/^[A-Za-z_]\w*$/), secret())
    .prefault({})
    .describe(
      'Variables for it, besides `PATH`, `HOME`, `USER`, `LOGNAME`, `SHELL`, `LANG`, `LANGUAGE`, `LC_*`, `TZ` and `TMPDIR` of the agent; it sees no others.'
    ),
  maxRecord: byteSize({ min: 64, max: recordLimits.recordBytes - 64 * 1024 })
    .prefault('960 KiB')
    .describe('A longer line or output is cut to this and marked with the attribute `truncated`.')
})

/** Durations in milliseconds, sizes in bytes. */
export type ExecOptions = z.output<typeof execOptions>
