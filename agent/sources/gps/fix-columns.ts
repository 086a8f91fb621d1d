import type { RecordColumns } from '../../../shared/record.ts'
import type { TimeOrigin } from '../../buffer/buffer.ts'
import type { KeptFix } from './fix-filter.ts'

/** One JSON record a fix; the attribute `time` tells an event time that is not the receiver's own. */
export function fixColumns(fixes: readonly KeptFix[], partitionKey: string): RecordColumns {
  const pieces = fixes.map(({ fix: { time: _time, ...rest } }) => Buffer.from(JSON.stringify(rest)))
  const columns = {
    keys: [partitionKey],
    times: Float64Array.from(fixes, ({ atMs }) => atMs),
    lens: Uint32Array.from(pieces, (piece) => piece.length),
    data: Buffer.concat(pieces)
  }
  if (fixes.every(({ timeFrom }) => timeFrom === 'receiver')) return columns
  const attributes = fixes.map(({ timeFrom }) =>
    timeFrom === 'receiver' ? null : { time: timeFrom }
  )
  return { ...columns, attributes }
}

/** Where the times of these fixes come from. A receiver's own must not be moved with others. */
export function originOf(fixes: readonly KeptFix[]): TimeOrigin {
  const arrivals = fixes.filter(({ timeFrom }) => timeFrom === 'arrival').length
  if (arrivals === 0) return 'gps'
  return arrivals === fixes.length ? 'clock' : 'own'
}
