import type { Attributes, RecordColumns } from '../../../shared/record.ts'
import type { Cut } from './line-cutter.ts'

const truncatedMark: Attributes = { truncated: 'true' }

/** The records of a cut as columns of their own, so that the bytes they came from may be reused. */
export function cutColumns(
  bytes: Buffer,
  cut: Cut,
  stamp: { readonly partitionKey: string; readonly time: number }
): RecordColumns {
  const { count, starts, ends } = cut
  const lens = new Uint32Array(count)
  let total = 0
  for (let i = 0; i < count; i++) {
    const length = (ends[i] as number) - (starts[i] as number)
    lens[i] = length
    total += length
  }
  const data = Buffer.allocUnsafeSlow(total)
  let at = 0
  for (let i = 0; i < count; i++) {
    at += bytes.copy(data, at, starts[i], ends[i])
  }
  const columns = {
    keys: [stamp.partitionKey],
    times: new Float64Array(count).fill(stamp.time),
    lens,
    data
  }
  return cut.truncated.length === 0 ? columns : { ...columns, attributes: marks(cut) }
}

function marks(cut: Cut): (Attributes | null)[] {
  const attributes = new Array<Attributes | null>(cut.count).fill(null)
  for (const index of cut.truncated) attributes[index] = truncatedMark
  return attributes
}

/** No records, for a chunk that commits cursors alone. */
export function noRecords(partitionKey: string): RecordColumns {
  return {
    keys: [partitionKey],
    times: new Float64Array(0),
    lens: new Uint32Array(0),
    data: Buffer.alloc(0)
  }
}
