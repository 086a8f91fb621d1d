import { z } from 'zod'

/** How one stream is handled. */
export const streamOptions = z.strictObject({
  overflow: z
    .enum(['drop-oldest', 'block'])
    .prefault('drop-oldest')
    .describe('What happens when the buffer is at its cap.'),
  order: z
    .literal('oldest-first', {
      error: 'must be oldest-first; newest-first is not available yet'
    })
    .prefault('oldest-first')
    .describe('Which records go first after an outage.')
})
