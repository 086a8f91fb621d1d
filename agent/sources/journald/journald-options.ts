import { z } from 'zod'
import { byteSize, duration } from '../../../shared/config/fields.ts'
import { recordLimits } from '../../../shared/record.ts'

const severities = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const

const fieldName = z.string().regex(/^[A-Z0-9_]{1,64}$/, 'must be a journal field such as MESSAGE')
const match = z
  .string()
  .regex(/^([A-Z0-9_]{1,64}=.*|\+)$/s, 'must be FIELD=value, or + between groups')

export const journaldOptions = z.strictObject({
  journald: z.literal(true).describe('Read the systemd journal, by `journalctl`.'),
  units: z.array(z.string().min(1)).prefault([]).describe('Only entries of and about these units.'),
  identifiers: z.array(z.string().min(1)).prefault([]).describe('Only these syslog identifiers.'),
  severity: z.enum(severities).optional().describe('Only entries of this severity and worse.'),
  matches: z
    .array(match)
    .prefault([])
    .describe('Only entries that match, as `journalctl` has it, such as `_TRANSPORT=kernel`.'),
  from: z
    .union([z.enum(['auto', 'start', 'end']), duration()], {
      error: 'must be auto, start, end or a duration such as "24h"'
    })
    .prefault('auto')
    .describe(
      'Where the very first run begins. `auto`: at the end, with `--once` at the start. A duration: with entries no older than that.'
    ),
  fields: z
    .union([z.literal('all'), z.array(fieldName).min(1)], {
      error: 'must be all, or a list of journal fields such as [MESSAGE, PRIORITY]'
    })
    .prefault('all')
    .describe('Fields of an entry that go into its record.'),
  directory: z
    .string()
    .min(1)
    .optional()
    .describe('Directory of journal files; else those of this machine.'),
  maxRecord: byteSize({ min: 1024, max: recordLimits.recordBytes - 64 * 1024 })
    .prefault('960 KiB')
    .describe('A longer entry is cut to this and marked with the attribute `truncated`.')
})

/** Durations in milliseconds, sizes in bytes. */
export type JournaldOptions = z.output<typeof journaldOptions>
