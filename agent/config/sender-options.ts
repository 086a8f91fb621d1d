import { z } from 'zod'
import { byteSize, count, duration } from '../../shared/config/fields.ts'

/** How batches are sent. */
export const senderOptions = z.strictObject({
  window: z
    .strictObject({
      frames: count({ min: 1, max: 64 }).prefault(8).describe('Frames under way at once.'),
      bytes: byteSize({ min: 1 }).prefault('4 MiB').describe('Their bytes.')
    })
    .prefault({}),
  timeout: duration({ min: 100 })
    .prefault('30s')
    .describe('A batch without an Ack for so long is sent again.'),
  backoff: z
    .strictObject({
      first: duration({ min: 1 }).prefault('500ms').describe('Upper bound of the first wait.'),
      max: duration({ min: 1 }).prefault('5m').describe('Upper bound of every later wait.')
    })
    .prefault({}),
  liveShare: count({ min: 1, max: 99 })
    .prefault(70)
    .describe('Percent of the bytes for what is live in newest-first streams while more waits.'),
  stall: duration({ min: 1000 })
    .prefault('60s')
    .describe('A connection that moves no byte for so long is made anew.')
})
