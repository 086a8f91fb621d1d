import { isUtf8 } from 'node:buffer'
import type { FastifyRequest } from 'fastify'
import { ColumnsBuilder } from '../../../shared/columns-builder.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { parseTime } from '../../../shared/parse-time.ts'
import { decodeJsonBatch, decodeNdjson, type JsonBatch } from '../../../shared/wire/json.ts'
import { anonymousDevice } from '../../admission/admission.ts'

const ndjsonTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl']

/** Without parameters, in lower case; empty when absent. */
export function mediaType(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/**
 * The records of a body: the JSON shape, NDJSON, or any other type as one record as it is. Where a
 * record says nothing itself, its key is `?key=`, `X-Partition-Key` or the device, and its time is
 * `?time=` or now. Throws `invalid` naming the field or line.
 */
export function decodeRecords(
  request: FastifyRequest,
  bytes: Buffer,
  sender: { readonly device: string | undefined; readonly nowMs: number }
): JsonBatch {
  const query = queryOf(request)
  const header = request.headers['x-partition-key']
  const given = query.get('key') ?? (typeof header === 'string' ? header : undefined)
  const time = query.get('time')
  const defaults = {
    partitionKey: given ?? sender.device ?? anonymousDevice,
    time: time === null ? sender.nowMs : parseTime(time)
  }
  const type = mediaType(request)
  if (type === 'application/json') return decodeJsonBatch(textOf(bytes), defaults)
  if (ndjsonTypes.includes(type)) return { records: decodeNdjson(textOf(bytes), defaults) }
  const builder = new ColumnsBuilder(defaults)
  builder.add(bytes)
  return { records: builder.build() }
}

export function queryOf(request: FastifyRequest): URLSearchParams {
  return new URLSearchParams(request.url.split('?').slice(1).join('?'))
}

/** A lenient decoder would replace what is not UTF-8, and the record would not be what was sent. */
export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  throw new HeadwaterError('invalid', 'the body is not valid UTF-8; send bytes as "data" in base64')
}
