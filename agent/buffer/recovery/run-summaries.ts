import type { SqlRow } from '../../../shared/sqlite.ts'
import type { RunSummary } from '../frames/run.ts'
import type { Segment } from '../segments/segment.ts'
import type { SeqRange } from '../seq-ranges.ts'
import type { Sql } from '../store/store-file.ts'

/** What a segment holds, by stream and epoch, oldest first. */
export function runSummaries(segment: Segment): Promise<RunSummary[]> {
  return segment.use(async (db) => {
    const rows = await db.all(
      `SELECT stream, epoch, min(id) AS first_id, max(id) AS last_id, count(*) AS frames, min(first) AS first,
         max(first + count - 1) AS last, sum(count) AS records,
         min(version) AS version, max(version) AS last_version, min(wall_ms) AS wall_ms,
         min(uptime_ms) AS uptime_ms, min(boot) AS boot
       FROM frames GROUP BY stream, epoch ORDER BY first_id`
    )
    return Promise.all(rows.map((row) => summarise(db, row)))
  })
}

async function summarise(db: Sql, row: SqlRow): Promise<RunSummary> {
  const summary = {
    stream: String(row['stream']),
    epoch: (row['epoch'] as Buffer).toString('hex'),
    firstId: row['first_id'] as number,
    lastId: row['last_id'] as number,
    frames: row['frames'] as number,
    first: row['first'] as number,
    last: row['last'] as number,
    version: row['version'] as number,
    lastVersion: row['last_version'] as number,
    wallMs: row['wall_ms'] as number,
    uptimeMs: row['uptime_ms'] as number,
    boot: (row['boot'] as Buffer).toString('hex')
  }
  const held = row['records'] as number
  if (held === summary.last - summary.first + 1) return { ...summary, gaps: [] }
  return { ...summary, gaps: await gapsOf(db, summary) }
}

/** Sequence numbers between the first and the last that no frame has. */
async function gapsOf(
  db: Sql,
  { stream, epoch, first }: { stream: string; epoch: string; first: number }
): Promise<SeqRange[]> {
  const rows = await db.all(
    'SELECT first, count FROM frames WHERE stream = ? AND epoch = ? ORDER BY first',
    stream,
    Buffer.from(epoch, 'hex')
  )
  const gaps: SeqRange[] = []
  let next = first
  for (const row of rows) {
    const from = row['first'] as number
    if (from > next) gaps.push([next, from - 1])
    next = from + (row['count'] as number)
  }
  return gaps
}
