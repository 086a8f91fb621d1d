import { isUtf8 } from 'node:buffer'
import type { FastifyRequest } from 'fastify'
import { ColumnsBuilder } from '../../../shared/columns-builder.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
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
  const defaults = {
    partitionKey: given ?? sender.device ?? anonymousDevice,
    time: parseTime(query.get('time')) ?? sender.nowMs
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

/** Milliseconds since 1970, or an ISO 8601 date. Undefined for null; throws `invalid`. */
export function parseTime(text: string | null): number | undefined {
  if (text === null) return undefined
  const timeMs = /^-?\d{1,16}$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isSafeInteger(timeMs)) return timeMs
  throw new HeadwaterError(
    'invalid',
    'time must be milliseconds since 1970 or an ISO 8601 date, as in 2026-01-31T12:00:00Z'
  )
}

/** A lenient decoder would replace what is not UTF-8, and the record would not be what was sent. */
export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  throw new HeadwaterError('invalid', 'the body is not valid UTF-8; send bytes as "data" in base64')
}
