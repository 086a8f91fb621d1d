import { createHash } from 'node:crypto'
import { ColumnsBuilder } from '../../../shared/columns-builder.ts'
import type { Attributes, RecordColumns } from '../../../shared/record.ts'

/** One message of a phone app, as the record it becomes. */
export interface TrackerPoint {
  /** Event time, milliseconds since the epoch. */
  readonly timeMs: number
  /** JSON: the facts every app has under the same names and units, and `source` with the rest. */
  readonly data: Buffer
  readonly attributes: Attributes
  /** Whether two equal messages are one that was sent twice, as each says when it was made. */
  readonly repeatable: boolean
}

/** The columns of one point. */
export function columnsOf({ data, timeMs, attributes }: TrackerPoint, key: string): RecordColumns {
  const builder = new ColumnsBuilder({ partitionKey: key, time: timeMs })
  builder.add(data, { attributes })
  return builder.build()
}

/**
 * What makes a point that comes again the same record, or undefined where that cannot be told. All
 * that the record consists of is in it, so it never stands for other data.
 */
export function idempotencyKeyOf(point: TrackerPoint, key: string): string | undefined {
  if (!point.repeatable) return undefined
  const hash = createHash('sha256').update(JSON.stringify([key, point.attributes]))
  return `tracker-${hash.update(point.data).digest('hex')}`
}
