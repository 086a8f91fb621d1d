import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { type BatchHeader, frameCrc } from '../../shared/wire/batch.ts'
import { encodeFrame } from '../../shared/wire/frame.ts'
import type { StoredFrame } from '../../agent/buffer/buffer.ts'

export const epochOne = '0123456789abcdef0123456789abcdef'
export const epochTwo = 'fedcba9876543210fedcba9876543210'

/** A stored frame of these texts; the header continues where `first` says. */
export function frameOf(texts: readonly string[], header: Partial<BatchHeader> = {}): StoredFrame {
  const builder = new ColumnsBuilder({ partitionKey: 'key', time: 1_700_000_000_000 })
  for (const text of texts) builder.add(Buffer.from(text))
  const body = encodeFrame(builder.build())
  const first = header.first ?? 1
  return {
    id: `${header.stream ?? 'telemetry'}/${header.epoch ?? epochOne}/${first}`,
    header: {
      device: 'device-1',
      epoch: epochOne,
      stream: 'telemetry',
      first,
      count: texts.length,
      prev: first - 1,
      floor: 1,
      lane: 0,
      clock: 'ntp',
      offset: 0,
      ...header
    },
    enc: 'id',
    body,
    crc: frameCrc(body)
  }
}
