import { isUtf8 } from 'node:buffer'
import { decodedMember } from '../../../shared/decoded-member.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { keyOf, offsetsOf, type RecordColumns } from '../../../shared/record.ts'

/** What all records of a frame have in common. */
export interface FrameFacts {
  readonly stream: string
  readonly epoch: string
  /** Number of each record; absent where they are not known. */
  readonly seqs: readonly number[]
}

export type RecordForm = 'ndjson' | 'raw'

export interface LineOptions {
  readonly format: RecordForm
  /** Adds `json` or `text` beside the bytes. */
  readonly decode: boolean
}

/**
 * Says record `i` as a line for standard output, in the form of `headwater-stream read`. It throws
 * `invalid` where `raw` is asked for and the data is not text.
 */
export function recordLines(
  records: RecordColumns,
  { format, decode, stream, epoch, seqs }: LineOptions & FrameFacts
): (i: number) => string {
  const offsets = offsetsOf(records.lens)
  return (i) => {
    const data = records.data.subarray(offsets[i], offsets[i + 1])
    const seq = seqs[i]
    if (format === 'raw') return textIn(data, `record ${seq ?? i} of stream ${stream}`)
    const partitionKey = keyOf(records, i)
    const time = records.times[i]
    const attributes = records.attributes?.[i] ?? undefined
    const place = { stream, partitionKey, time, epoch, seq, attributes }
    const line = JSON.stringify({ ...place, data: data.toString('base64') })
    return decode ? `${line.slice(0, -1)}${decodedMember(data)}}` : line
  }
}

function textIn(data: Buffer, what: string): string {
  if (isUtf8(data)) return data.toString()
  throw new HeadwaterError('invalid', `${what} is not text; read it with --format ndjson`)
}
