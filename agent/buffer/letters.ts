import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { keyOf, offsetsOf, type RecordColumns } from '../../shared/record.ts'
import { unpackBody } from '../../shared/wire/batch.ts'
import { decodeFrame, encodeFrame } from '../../shared/wire/frame.ts'
import type { Parked } from './buffer.ts'
import type { DeadLetter } from './dead-letters.ts'
import type { FrameRow } from './frames/frame-row.ts'
import { SeqRanges } from './seq-ranges.ts'

/** The letters for what is parked of one frame, one for each reason. */
export async function lettersOf(
  frame: FrameRow,
  parked: readonly Parked[],
  parkedMs: number
): Promise<DeadLetter[]> {
  const columns = parked.some(({ seqs }) => seqs) ? await readColumns(frame) : undefined
  return parked.flatMap((one) => {
    const { stream, epoch, first, count, enc, body } = frame
    const { code, reason, seqs } = one
    const head = { stream, epoch, code, reason, parkedMs }
    if (!seqs) return { ...head, seqs: [[first, first + count - 1] as const], enc, body }
    const inside = seqs.filter((seq) => seq >= first && seq < first + count)
    if (inside.length === 0) return []
    const ranges = rangesOf(inside)
    // A frame whose columns cannot be read is kept as it is.
    if (!columns) return { ...head, seqs: ranges, enc, body }
    const indexes = ranges.flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i - first)
    )
    return { ...head, seqs: ranges, enc: 'id' as const, body: encodeFrame(pick(columns, indexes)) }
  })
}

async function readColumns({ enc, body, count }: FrameRow): Promise<RecordColumns | undefined> {
  try {
    const columns = decodeFrame(await unpackBody(enc, body))
    return columns.lens.length === count ? columns : undefined
  } catch {
    return undefined
  }
}

function rangesOf(seqs: readonly number[]): DeadLetter['seqs'] {
  const ranges = new SeqRanges()
  for (const seq of seqs) ranges.add(seq, seq)
  return ranges.ranges()
}

function pick(records: RecordColumns, indexes: readonly number[]): RecordColumns {
  const offsets = offsetsOf(records.lens)
  const builder = new ColumnsBuilder({ partitionKey: '', time: 0 })
  for (const i of indexes) {
    builder.add(records.data.subarray(offsets[i], offsets[i + 1]), {
      partitionKey: keyOf(records, i),
      time: records.times[i] as number,
      attributes: records.attributes?.[i] ?? undefined
    })
  }
  return builder.build()
}
