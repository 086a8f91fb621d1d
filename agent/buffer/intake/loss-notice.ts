import { type Compression, packed, type Part } from './chunk-parts.ts'
import type { Stamp } from '../../clock/device-time.ts'
import type { LossNotice } from '../ledger.ts'

/** A record that tells upstream what was lost, on the stream concerned. */
export function lossNotice(
  { stream, reason, records, total }: LossNotice,
  { device, stamp, compression }: { device: string; stamp: Stamp; compression: Compression }
): Part {
  const data = Buffer.from(JSON.stringify({ headwater: 'loss', reason, records, total }))
  const content = packed(
    {
      keys: [device],
      times: Float64Array.of(stamp.wallMs),
      lens: Uint32Array.of(data.length),
      data,
      attributes: [{ type: 'headwater.loss' }]
    },
    compression
  )
  return { stream, records: 1, bytes: data.length, stamp, correctable: true, sources: [], content }
}
