import { z } from 'zod'
import { duration } from '../../shared/config/fields.ts'

/** How one stream is handled. */
export const streamOptions = z.strictObject({
  overflow: z
    .enum(['drop-oldest', 'block'])
    .prefault('drop-oldest')
    .describe('What happens when the buffer is at its cap.'),
  order: z
    .enum(['oldest-first', 'newest-first'])
    .prefault('oldest-first')
    .describe('Which records go first after an outage.'),
  backlogAfter: duration({ min: 1000 })
    .prefault('1m')
    .describe('newest-first: what waits for longer is overtaken by the newest.'),
  priority: z
    .enum(['normal', 'high'])
    .prefault('normal')
    .describe('high: sent in quiet hours too, and from the reserve of the data budget.'),
  wait: z
    .enum(['never', 'unmetered'])
    .prefault('never')
    .describe('unmetered: waits in the buffer while the link is metered.')
})
