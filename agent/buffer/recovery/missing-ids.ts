import type { RunSummary } from '../frames/run.ts'
import { type SeqRange, SeqRanges } from '../seq-ranges.ts'
import type { Segment } from '../segments/segment.ts'

/** The ids of the frames of a segment. */
export async function idsOf(
  segment: Segment,
  summaries: readonly RunSummary[]
): Promise<readonly SeqRange[]> {
  if (summaries.length === 0) return []
  const first = Math.min(...summaries.map(({ firstId }) => firstId))
  const last = Math.max(...summaries.map(({ lastId }) => lastId))
  const frames = summaries.reduce((sum, one) => sum + one.frames, 0)
  if (frames === last - first + 1) return [[first, last]]
  const rows = await segment.use((db) => db.all('SELECT id FROM frames ORDER BY id'))
  const ids = new SeqRanges()
  for (const row of rows) ids.add(row['id'] as number, row['id'] as number)
  return ids.ranges()
}
