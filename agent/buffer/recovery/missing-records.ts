import type { Loss } from '../ledger.ts'
import type { Progress } from '../progress.ts'
import type { RunSummary } from '../frames/run.ts'
import type { Segment } from '../segments/segment.ts'
import { SeqRanges } from '../seq-ranges.ts'

/** Where it is not known whose records they were. */
export const unknownStream = ''

/**
 * What a salvaged segment lacks of the frames above id `expected`, as far as it shows: the gaps in
 * the sequence numbers, and where whole frames are gone without one, a record for each. May count
 * what was delivered after progress was last saved.
 */
export async function missingRecords(
  segment: Segment,
  summaries: readonly RunSummary[],
  { expected, progress }: { expected: number; progress: Progress }
): Promise<Loss[]> {
  const losses: Loss[] = []
  for (const { stream, epoch, gaps } of summaries) {
    const settled = new SeqRanges()
    for (const run of progress.runs) {
      if (run.stream !== stream || run.epoch !== epoch) continue
      for (const range of run.ranges) settled.add(...range)
    }
    const records = gaps.reduce((sum, gap) => sum + settled.add(...gap), 0)
    if (records > 0) losses.push({ stream, reason: 'corrupt', records })
  }
  const { highestId, framesAbove } = await extentAbove(segment, expected)
  const frames = highestId - expected - framesAbove
  const records = frames - losses.reduce((sum, loss) => sum + loss.records, 0)
  if (records > 0) {
    losses.push({ stream: summaries[0]?.stream ?? unknownStream, reason: 'corrupt', records })
  }
  return losses
}

/** The lowest id above `after` that no frame of the segment has. */
export function firstMissingId(segment: Segment, after: number): Promise<number> {
  return segment.use(async (db) => {
    const rows = await db.all('SELECT id FROM frames WHERE id > ? ORDER BY id', after)
    const gap = rows.findIndex((row, i) => row['id'] !== after + 1 + i)
    return after + 1 + (gap === -1 ? rows.length : gap)
  })
}

/** `highestId`: of a frame that is there, or was when a cursor was committed. */
function extentAbove(
  segment: Segment,
  id: number
): Promise<{ highestId: number; framesAbove: number }> {
  return segment.use(async (db) => {
    const frames = await db.get(
      'SELECT max(id) AS id, count(*) FILTER (WHERE id > ?) AS above FROM frames',
      id
    )
    const cursors = await db.get('SELECT max(through) AS id FROM cursors')
    const ids = [frames?.['id'], cursors?.['id']].map((one) => (one ?? 0) as number)
    return { highestId: Math.max(...ids), framesAbove: frames?.['above'] as number }
  })
}
