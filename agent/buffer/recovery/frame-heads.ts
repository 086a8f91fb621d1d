import { type FrameRow, parseHead } from '../frames/frame-row.ts'
import type { Segment } from '../segments/segment.ts'

const heads = `SELECT id, version, stream, epoch, lane, first, count, prev, wall_ms, uptime_ms, boot,
  clock, enc, sources, unrepeatable, crc, head_crc, x'' AS body FROM frames ORDER BY id`

/** The frames of a segment in order, with empty bodies; without those whose head is damaged. */
export async function frameHeads(segment: Segment): Promise<FrameRow[]> {
  const rows = await segment.use((db) => db.all(heads))
  return rows.flatMap((row) => parseHead(row) ?? [])
}
