import { z } from 'zod'
import { attempt, byteSize, flag } from '../../shared/config/fields.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { formatQuietHours, parseQuietHours } from '../link/quiet-hours.ts'

/** What may be used of the link to the gateway, and when. */
export const linkOptions = z.strictObject({
  budget: z
    .strictObject({
      day: byteSize({ min: 1 }).optional().describe('Most that is used in a day; as in `20 MB`.'),
      month: byteSize({ min: 1 }).optional().describe('Most that is used in a calendar month.'),
      reserve: share()
        .prefault('10%')
        .describe('Last part of both, kept for streams of high priority if there are any.'),
      counts: z
        .enum(['all', 'metered'])
        .prefault('all')
        .describe('Whether the budgets hold on every link, or only while it is metered.')
    })
    .prefault({}),
  quietHours: z
    .array(quietHours())
    .prefault([])
    .describe('When only streams of high priority are sent; as in `22:00-06:00`.'),
  metered: z
    .union([
      z.literal('auto'),
      flag(),
      z.strictObject({
        interfaces: z
          .array(z.string().min(1))
          .min(1)
          .describe('Metered when the way to the gateway goes through one of these; `*` is any.')
      })
    ])
    .prefault('auto')
    .describe(
      'Whether the link is metered. `auto`: as NetworkManager says, else by the interface: `ww*`, `ppp*`, `usb*`, `rmnet*`.'
    ),
  timeZone: z
    .string()
    .refine(isTimeZone, 'must be the name of a time zone, as in Europe/Vienna')
    .optional()
    .describe('Time zone of days, months and quiet hours; else that of the system.')
})

/** `10%`, as 0 to 1. */
function share() {
  const form = z.string().meta({ title: 'share' })
  return z.codec(form, z.number(), {
    decode: (text, context) => attempt(context, text, () => parseShare(text)),
    encode: (value) => `${Math.round(value * 100)}%`
  })
}

function parseShare(text: string): number {
  const percent = /^(\d{1,2}|100)\s*%$/.exec(text)?.[1]
  if (percent === undefined) throw new HeadwaterError('config', 'must be a share such as "10%"')
  return Number(percent) / 100
}

function quietHours() {
  const form = z.string({ error: 'must be hours such as "22:00-06:00"' }).meta({ title: 'hours' })
  return z.codec(form, z.object({ from: z.number(), to: z.number() }), {
    decode: (text, context) => attempt(context, text, () => parseQuietHours(text)),
    encode: formatQuietHours
  })
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
