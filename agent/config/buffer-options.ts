import { z } from 'zod'
import { byteSize, count, duration } from '../../shared/config/fields.ts'
import { capText, pageSizes } from '../machine.ts'

/** The durable buffer; what is `auto` is decided by the machine. */
export const bufferOptions = z.strictObject({
  frame: byteSize({ min: 1024, max: 8 * 1024 ** 2 })
    .prefault('256 KiB')
    .describe('Data of one frame, the unit that is stored, sent and acked.'),
  segment: byteSize({ min: 64 * 1024 })
    .prefault('16 MiB')
    .describe('Size of one file of the buffer; room comes back a file at a time.'),
  cap: capText()
    .prefault('auto')
    .describe(
      'Most the buffer takes on disk: a size, `10%` of the disk, or `auto`: 10 %, at most 256 MiB.'
    ),
  freeDiskFloor: byteSize()
    .prefault('64 MiB')
    .describe('Free space of the disk that the buffer leaves to others.'),
  media: z
    .enum(['auto', 'ssd', 'sd-card'])
    .prefault('auto')
    .describe('What the data directory lies on; decides what else here is `auto`.'),
  commitAge: z
    .union([z.literal('auto'), duration({ min: 1, max: 3_600_000 })])
    .prefault('auto')
    .describe(
      'How long a record may wait for its commit. `auto`: 1s on an SSD, 10s on an SD card.'
    ),
  pageSize: z
    .literal(['auto', ...pageSizes])
    .prefault('auto')
    .describe('Page size of SQLite. `auto`: 4096 on an SSD, 1024 on an SD card.'),
  compression: z
    .enum(['auto', 'none', 'gzip'])
    .prefault('auto')
    .describe('How frames are stored and sent. `auto`: gzip on an SD card, none on an SSD.'),
  ring: z
    .strictObject({
      records: count({ min: 1 }).prefault(10_000).describe('Most of them.'),
      bytes: byteSize({ min: 1024 }).prefault('4 MiB').describe('Most of their bytes.')
    })
    .prefault({})
    .describe('Readings kept in memory while the disk is unusable; the oldest give way.'),
  deadLetters: byteSize()
    .prefault('16 MiB')
    .describe('Most that refused records take on disk; the oldest give way.')
})
