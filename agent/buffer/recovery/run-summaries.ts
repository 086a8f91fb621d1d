import { HeadwaterError } from '../../../shared/errors.ts'
import type { SqlRow } from '../../../shared/sqlite.ts'
import type { RunSummary } from '../frames/run.ts'
import type { Segment } from '../segments/segment.ts'
import type { SeqRange } from '../seq-ranges.ts'
import type { Sql } from '../store/sql.ts'

/** What a segment holds, by stream and epoch, oldest first. Rejects with `store_corrupt`. */
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
  const number = (name: string) => numberIn(db, row, name)
  const summary = {
    stream: String(row['stream']),
    epoch: hexIn(db, row, 'epoch'),
    firstId: number('first_id'),
    lastId: number('last_id'),
    frames: number('frames'),
    first: number('first'),
    last: number('last'),
    version: number('version'),
    lastVersion: number('last_version'),
    wallMs: number('wall_ms'),
    uptimeMs: number('uptime_ms'),
    boot: hexIn(db, row, 'boot')
  }
  const held = number('records')
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
    const from = numberIn(db, row, 'first')
    if (from > next) gaps.push([next, from - 1])
    next = from + numberIn(db, row, 'count')
  }
  return gaps
}

function numberIn(db: Sql, row: SqlRow, name: string): number {
  const value = row[name]
  if (Number.isSafeInteger(value)) return Number(value)
  throw new HeadwaterError('store_corrupt', `${db.path}: ${name} of a frame is no number`)
}

function hexIn(db: Sql, row: SqlRow, name: string): string {
  const value = row[name]
  if (Buffer.isBuffer(value)) return value.toString('hex')
  throw new HeadwaterError('store_corrupt', `${db.path}: ${name} of a frame is damaged`)
}
