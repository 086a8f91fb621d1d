import { HeadwaterError } from '../../../shared/errors.ts'
import type { RecordColumns } from '../../../shared/record.ts'
import {
  type BatchHeader,
  decodeBatch,
  decodeBatchRecords,
  gunzipBounded,
  unpackBody
} from '../../../shared/wire/batch.ts'
import { decodeCbor } from '../../../shared/wire/cbor.ts'
import { Fields } from '../../../shared/wire/fields.ts'
import { decodeJsonBatch } from '../../../shared/wire/json.ts'
import type { BatchName } from '../../../shared/wire/refusal-ack.ts'

/** A batch as an agent published it. */
export interface BatchPayload {
  readonly topic: string
  readonly device: string
  /** From the topic of the JSON form; undefined: CBOR, the batch says it itself. */
  readonly stream: string | undefined
  readonly bytes: Buffer
}

export interface DecodedBatch {
  readonly stream: string
  readonly header: Omit<BatchHeader, 'stream' | 'count'>
  readonly records: RecordColumns
}

/** Throws `invalid`, `too_large` or `forbidden`. `nowMs`: time of records that carry none. */
export async function decodePayload(payload: BatchPayload, nowMs: number): Promise<DecodedBatch> {
  const decoded =
    payload.stream === undefined
      ? await decodeCborBatch(payload.bytes)
      : await decodeJson(payload, payload.stream, nowMs)
  const { device } = decoded.header
  if (device === payload.device) return decoded
  throw new HeadwaterError(
    'forbidden',
    `batch: field "device" is "${device}", the topic is that of "${payload.device}"`
  )
}

async function decodeCborBatch(bytes: Buffer): Promise<DecodedBatch> {
  const { header, enc, body } = decodeBatch(bytes)
  const records = decodeBatchRecords(header, await unpackBody(enc, body))
  const { stream, count: _count, ...rest } = header
  return { stream, header: rest, records }
}

async function decodeJson(
  { device, bytes }: BatchPayload,
  stream: string,
  nowMs: number
): Promise<DecodedBatch> {
  const text = await jsonText(bytes)
  const { header, records } = decodeJsonBatch(text, { partitionKey: device, time: nowMs })
  if (header) return { stream, header, records }
  throw new HeadwaterError(
    'invalid',
    'body: field "epoch" is missing; records without identity are published on streams/<stream>/<key>'
  )
}

async function jsonText(bytes: Buffer): Promise<string> {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  return (isGzip ? await gunzipBounded(bytes, 'body') : bytes).toString()
}

/** The name of a batch that could not be decoded, where at least that can be read. */
export async function nameOf({ stream, bytes }: BatchPayload): Promise<BatchName | undefined> {
  try {
    if (stream === undefined) {
      const fields = new Fields(decodeCbor(bytes, 'batch'), 'batch')
      return {
        epoch: fields.bytes('epoch').toString('hex'),
        stream: fields.text('stream'),
        first: fields.uint('first'),
        count: fields.uint('count')
      }
    }
    const fields = new Fields(JSON.parse(await jsonText(bytes)), 'body')
    return {
      epoch: fields.text('epoch'),
      stream,
      first: fields.uint('first'),
      count: fields.array('records').length
    }
  } catch {
    return undefined // It names nothing; the caller has the error that says why.
  }
}
