import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { keyOf, offsetsOf, type RecordColumns, recordLimits } from '../../shared/record.ts'
import type { Counts } from './counts.ts'
import { Row } from './row.ts'

/** Any key fits beside this many bytes of data. */
const maxDataBytes = recordLimits.recordBytes - 4 * recordLimits.partitionKeyChars

export function rowsOf(records: RecordColumns): Row[] {
  const offsets = offsetsOf(records.lens)
  return Array.from(records.lens, (_, i) => {
    const bytes = records.data.subarray(offsets[i], offsets[i + 1])
    const attributes = records.attributes?.[i] ?? null
    const time = records.times[i] as number
    return new Row(bytes, { partitionKey: keyOf(records, i), time, attributes })
  })
}

/**
 * `rows` as columns, which are `records` themselves when nothing differs. Data that has become
 * larger than a record may be is put back as it was, marked `oversized` and counted.
 */
export function columnsOf(
  rows: readonly Row[],
  records: RecordColumns,
  counts: Counts
): RecordColumns {
  if (isUnchanged(rows, records)) return records
  const builder = new ColumnsBuilder({ partitionKey: records.keys[0] ?? '', time: 0 })
  for (const row of rows) {
    const data = fitting(row, counts)
    const { partitionKey, time } = row
    builder.add(data, { partitionKey, time, attributes: row.attributes ?? undefined })
  }
  return builder.build()
}

function isUnchanged(rows: readonly Row[], records: RecordColumns): boolean {
  if (rows.length !== records.lens.length) return false
  return rows.every(
    (row, i) =>
      row.hasOriginalData &&
      row.time === records.times[i] &&
      row.attributes === (records.attributes?.[i] ?? null) &&
      row.partitionKey === keyOf(records, i)
  )
}

function fitting(row: Row, counts: Counts): Buffer {
  const { data } = row
  if (row.hasOriginalData || data.length <= maxDataBytes) return data
  counts.noted('oversized')
  row.mark({ oversized: 'true' })
  const { original } = row
  if (original.length <= maxDataBytes) return original
  // Only a replacement that is longer than what it hides gets here.
  row.mark({ truncated: 'true' })
  return original.subarray(0, maxDataBytes)
}
