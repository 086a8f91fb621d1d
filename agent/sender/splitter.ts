import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { keyOf, offsetsOf, type RecordColumns } from '../../shared/record.ts'
import { decodeBatchRecords, frameCrc, unpackBody } from '../../shared/wire/batch.ts'
import { encodeFrame } from '../../shared/wire/frame.ts'
import type { StoredFrame } from '../buffer/buffer.ts'

const pack = promisify(gzip)

/** What a record may cost beside its data, key and attributes: length, time, index of the key. */
const recordOverheadBytes = 16

export interface PieceLimits {
  /** Of a piece's body. One record may be larger. */
  readonly maxBytes: number
  /** At least 1. */
  readonly maxRecords: number
}

export function fitsWhole(frame: StoredFrame, limits: PieceLimits): boolean {
  return frame.header.count <= limits.maxRecords && frame.body.length <= limits.maxBytes
}

/**
 * Hands out one frame in pieces, in order, each with the frame's id and with its own first, count
 * and prev, so that every record keeps its identity.
 */
export class Splitter {
  readonly #frame: StoredFrame
  readonly #records: RecordColumns
  readonly #offsets: Uint32Array
  #at: number

  private constructor(frame: StoredFrame, records: RecordColumns, at: number) {
    this.#frame = frame
    this.#records = records
    this.#offsets = offsetsOf(records.lens)
    this.#at = at
  }

  /** Leaves out the records up to and including `through`. Throws `invalid` for a broken body. */
  static async open(frame: StoredFrame, through: number): Promise<Splitter> {
    const records = decodeBatchRecords(frame.header, await unpackBody(frame.enc, frame.body))
    return new Splitter(frame, records, Math.max(0, through + 1 - frame.header.first))
  }

  get done(): boolean {
    return this.#at >= this.#records.lens.length
  }

  /** The next piece: as many records as fit, at least one. */
  async next(limits: PieceLimits): Promise<StoredFrame> {
    const from = this.#at
    const to = this.#end(limits)
    this.#at = to
    const { header, enc } = this.#frame
    const plain = encodeFrame(slice(this.#records, this.#offsets, { from, to }))
    const body = enc === 'gzip' ? await pack(plain) : plain
    const first = header.first + from
    return {
      ...this.#frame,
      header: {
        ...header,
        first,
        count: to - from,
        prev: from === 0 ? header.prev : first - 1
      },
      body,
      crc: frameCrc(body)
    }
  }

  #end({ maxBytes, maxRecords }: PieceLimits): number {
    const last = Math.min(this.#records.lens.length, this.#at + maxRecords)
    let end = this.#at + 1
    let bytes = this.#cost(this.#at)
    while (end < last) {
      bytes += this.#cost(end)
      if (bytes > maxBytes) break
      end += 1
    }
    return end
  }

  #cost(index: number): number {
    const attributes = this.#records.attributes?.[index]
    return (
      recordOverheadBytes +
      (this.#records.lens[index] as number) +
      (this.#records.key ? Buffer.byteLength(keyOf(this.#records, index)) : 0) +
      (attributes ? Buffer.byteLength(JSON.stringify(attributes)) : 0)
    )
  }
}

function slice(
  records: RecordColumns,
  offsets: Uint32Array,
  { from, to }: { from: number; to: number }
): RecordColumns {
  const builder = new ColumnsBuilder({ partitionKey: '', time: 0 })
  for (let i = from; i < to; i++) {
    builder.add(records.data.subarray(offsets[i], offsets[i + 1]), {
      partitionKey: keyOf(records, i),
      time: records.times[i] as number,
      attributes: records.attributes?.[i] ?? undefined
    })
  }
  return builder.build()
}
